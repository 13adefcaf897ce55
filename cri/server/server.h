// SPDX-License-Identifier: Apache-2.0
// Server is one CRI v1 endpoint: gRPC on a unix socket (mode 0600) over the
// runtime handler, the image store and the network. Start recovers what an
// earlier process of the same root and state left, before the socket opens.
#ifndef CORACLE_CRI_SERVER_SERVER_H_
#define CORACLE_CRI_SERVER_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cri/config/config.h"
#include "cri/image/image.h"
#include "cri/network/network.h"
#include "runtime/handler/handler.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace cri::server {

struct ServerOptions {
  config::Config config;
  // What `config` was loaded from, for Reload.
  std::string config_file;
  config::Overrides overrides;
  // Other sides of the seams; null = the built-in ones. For tests.
  std::unique_ptr<runtime::Handler> handler;
  std::unique_ptr<image::ImageStore> images;
  std::unique_ptr<network::Network> network;
};

// Thread safe. Dropping it stops serving; pods go on running.
class Server {
 public:
  virtual ~Server() = default;

  // Fails if another live server holds the socket or the state directory.
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options);

  // A channel that stays inside the process. Usable until Stop.
  virtual std::shared_ptr<grpc::Channel> InProcessChannel() = 0;
  // Ends the calls under way (streams at once, others within 5 s) and closes
  // the socket. Idempotent.
  virtual void Stop() = 0;
  // Returns when Stop was called by another thread.
  virtual void Wait() = 0;
  // Reads the configuration file again and takes over what can be changed in a
  // running server. Says in words what it did; the answer to Status keeps it.
  virtual absl::StatusOr<std::string> Reload() = 0;
  // For `coracle node`: images to show in the node's status, pulls under way.
  virtual image::ImageStore& Images() = 0;
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_SERVER_H_
