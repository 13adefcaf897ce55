// SPDX-License-Identifier: Apache-2.0
#include "cri/server/edge.h"

#include <pthread.h>

namespace cri::server {

Edge::~Edge() {
  if (site_.queue == nullptr || thread_.joinable()) return;
  // gRPC wants a queue shut down and emptied, even one that was never used.
  site_.queue->Shutdown();
  Run();
}

void Edge::Register(grpc::ServerBuilder& builder) {
  builder.RegisterAsyncGenericService(&site_.service);
  site_.queue = builder.AddCompletionQueue();
}

void Edge::Start() {
  Call::Accept(site_);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "cri-calls");
    Run();
  });
}

void Edge::Run() {
  void* step = nullptr;
  bool ok = false;
  while (site_.queue->Next(&step, &ok)) {
    static_cast<Call::Step*>(step)->Run(ok);
  }
}

void Edge::Stop() {
  {
    absl::MutexLock lock(&site_.mutex);
    site_.mutex.Await(absl::Condition(
        +[](int* calls) { return *calls == 0; }, &site_.calls));
  }
  site_.queue->Shutdown();
  thread_.join();
  site_.queue.reset();
}

}  // namespace cri::server
