// SPDX-License-Identifier: Apache-2.0
// What each path of the server answers. Blocking, so it runs on the executor;
// knows nothing of sockets.
#ifndef CORACLE_AGENT_SERVER_HANDLERS_H_
#define CORACLE_AGENT_SERVER_HANDLERS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "agent/server/auth.h"
#include "agent/server/http.h"
#include "agent/server/log_reader.h"
#include "agent/server/server.h"

namespace agent::server {

// Either a whole response or, if `log` is set, a log to be streamed.
struct Answer {
  Response response;
  std::unique_ptr<LogReader> log;
  std::string log_directory;
  // True while the container that the log belongs to may still write. Blocks.
  std::function<bool()> writing;
};

// Thread safe.
class Handlers {
 public:
  explicit Handlers(const Options& options);

  // Authenticates, authorizes and answers.
  Answer Handle(const Request& request, const ClientCertificate& certificate);

 private:
  Answer Route(const Request& request);
  Answer ContainerLogs(const Request& request);
  Response Metrics();
  Response Health(const Request& request);
  Response PodList(bool running_only);
  // One line in ten seconds: strangers must not fill the log.
  void WarnOfRequest(const Request& request, absl::string_view why);

  const Options options_;
  Authenticator authenticator_;
  Authorizer authorizer_;
  std::atomic<int64_t> next_warning_{0};  // Unix seconds
};

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_HANDLERS_H_
