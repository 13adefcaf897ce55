// SPDX-License-Identifier: Apache-2.0
// Edge is where RPCs come in: a completion queue of gRPC and the one thread
// that waits on it. gRPC's callback API is not used because its threads poll,
// several times a second while nothing happens; this one sleeps until something
// does.
#ifndef CORACLE_CRI_SERVER_EDGE_H_
#define CORACLE_CRI_SERVER_EDGE_H_

#include <grpcpp/server_builder.h>

#include <thread>

#include "cri/server/call.h"

namespace cri::server {

class Edge {
 public:
  // The engine outlives it.
  explicit Edge(Engine& engine) : site_(engine) {}
  // After Stop, or without a server that was built.
  ~Edge();
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  // Once, before the server is built; the Edge outlives that server.
  void Register(grpc::ServerBuilder& builder);
  // When it is built.
  void Start();
  // After its Shutdown: waits for the calls under way.
  void Stop();

 private:
  void Run();

  CallSite site_;
  std::thread thread_;
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_EDGE_H_
