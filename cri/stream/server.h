// SPDX-License-Identifier: Apache-2.0
// Server is the HTTP server behind the URLs that Exec, Attach and PortForward
// return (README.md of this room). One thread does all input and output; what
// blocks runs on the executor.
#ifndef CORACLE_CRI_STREAM_SERVER_H_
#define CORACLE_CRI_STREAM_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cri/stream/host.h"
#include "cri/stream/request.h"
#include "runtime/base/executor.h"

namespace cri::stream {

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;  // 0 takes a free one
  // Both or none. With them the server speaks TLS alone.
  std::string cert_file, key_file;
  Timeouts timeouts;
  runtime::Executor* executor = nullptr;  // outlives Stop
};

// Thread safe.
class Server {
 public:
  virtual ~Server() = default;  // stops

  // Listens and serves.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options);

  // An absolute URL that does this once, within a minute. RESOURCE_EXHAUSTED
  // if too many are out.
  virtual absl::StatusOr<std::string> Url(Request request) = 0;
  virtual int port() const = 0;
  // Tells all clients that the runtime is stopping and closes their
  // connections, within two seconds; execs end, containers run on. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_SERVER_H_
