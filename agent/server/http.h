// SPDX-License-Identifier: Apache-2.0
// A request and a response as the handlers see them, without the library that
// reads and writes them.
#ifndef CORACLE_AGENT_SERVER_HTTP_H_
#define CORACLE_AGENT_SERVER_HTTP_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace agent::server {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;
  std::string path;                // decoded, without the query
  std::vector<std::string> parts;  // of the path, each decoded by itself
  QueryParameters query;
  std::string authorization;  // the header
  std::string peer;           // "address:port", for messages
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

inline Response TextResponse(int status, std::string body) {
  return {status, std::move(body), "text/plain; charset=utf-8"};
}

// Splits and decodes a request target ("/a/b%20c?x=1&y"). INVALID_ARGUMENT on a
// broken escape, a NUL or a target that is no path.
absl::StatusOr<Request> ParseTarget(absl::string_view method,
                                    absl::string_view target);

// First value of `name`, null if it is not given.
const std::string* FindParameter(const QueryParameters& query,
                                 absl::string_view name);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_HTTP_H_
