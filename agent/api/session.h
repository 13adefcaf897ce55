// SPDX-License-Identifier: Apache-2.0
// Session is one libcurl easy handle with its connection, prepared with the
// client's trust and credentials. Used by one thread at a time.
#ifndef CORACLE_AGENT_API_SESSION_H_
#define CORACLE_AGENT_API_SESSION_H_

#include <curl/curl.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "agent/api/http_client.h"

namespace agent::api {

struct Request {
  std::string method, url, content_type;
  const std::string* body = nullptr;
  absl::Duration timeout;
};

struct Response {
  int http_code = 0;
  absl::Duration retry_after;
};

class Session {
 public:
  // Called with each part of the body, and with an empty one when the headers
  // are complete; false aborts the transfer.
  using OnData = std::function<bool(int http_code, absl::string_view data)>;

  static absl::StatusOr<std::unique_ptr<Session>> Open(
      const ClientConfig& config, int generation);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Blocks until the answer is complete. An error is a transport error
  // (UNAVAILABLE; FAILED_PRECONDITION if the server's certificate is not
  // trusted; CANCELLED if `on_data` gave up).
  absl::StatusOr<Response> Run(const Request& request, const OnData& on_data);

  // As Run, but wakes up only for data, and ends with CANCELLED once `stop`
  // says so after Wake.
  absl::StatusOr<Response> RunUntil(const Request& request,
                                    const OnData& on_data,
                                    const std::function<bool()>& stop);
  // Thread safe: makes RunUntil look at its `stop` now.
  void Wake();

  int generation() const { return generation_; }
  absl::Time last_used() const { return last_used_; }

 private:
  explicit Session(int generation) : generation_(generation) {}
  absl::Status Prepare(const ClientConfig& config);
  absl::StatusOr<curl_slist*> SetRequest(const Request& request);
  absl::StatusOr<Response> Finish(CURLcode code);
  absl::Status TransportError(CURLcode code) const;
  bool Deliver(absl::string_view part);
  static size_t Header(char* data, size_t size, size_t count, void* self);
  static size_t Write(char* data, size_t size, size_t count, void* self);

  const int generation_;
  CURL* easy_ = nullptr;
  CURLM* multi_ = nullptr;
  char error_[CURL_ERROR_SIZE] = {};
  std::string authorization_, server_;
  const OnData* on_data_ = nullptr;
  bool gave_up_ = false;
  absl::Time last_used_ = absl::InfinitePast();
};

}  // namespace agent::api

#endif  // CORACLE_AGENT_API_SESSION_H_
