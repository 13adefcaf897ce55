// SPDX-License-Identifier: Apache-2.0
// A very small HTTP server for this host alone: /healthz on a loopback port,
// the agent's state on a unix socket. GET only, one thread, one connection at a
// time, each cut off after a second.
#ifndef CORACLE_AGENT_NODE_PLAIN_HTTP_H_
#define CORACLE_AGENT_NODE_PLAIN_HTTP_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace agent::node {

struct Reply {
  int code = 200;
  std::string body;
};

class PlainHttp {
 public:
  // Gets the path of a GET, without its query. Runs on the server's thread.
  using Handler = std::function<Reply(const std::string& path)>;

  // `address` is an IP; port 0 takes a free one.
  static absl::StatusOr<std::unique_ptr<PlainHttp>> ListenTcp(
      const std::string& address, int port, Handler handler);
  // Mode 0600. A socket that an earlier process left there is replaced.
  static absl::StatusOr<std::unique_ptr<PlainHttp>> ListenUnix(
      const std::string& path, Handler handler);
  ~PlainHttp();

  int port() const { return port_; }

 private:
  PlainHttp() = default;
  static absl::StatusOr<std::unique_ptr<PlainHttp>> Serving(
      runtime::UniqueFd listener, Handler handler);
  void Serve();
  void Answer(int fd);

  runtime::UniqueFd listener_, wake_;
  int port_ = 0;
  std::string unix_path_;
  Handler handler_;
  std::thread thread_;
};

// GET `path` from the server on the unix socket `socket`. UNAVAILABLE if nobody
// listens.
absl::StatusOr<std::string> GetOverUnix(const std::string& socket,
                                        const std::string& path);

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_PLAIN_HTTP_H_
