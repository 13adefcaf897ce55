// SPDX-License-Identifier: Apache-2.0
// gRPC 1.51 asks its event engine for timers and threads only: sockets and
// names are still the business of its older loop.
#include "agent/command/event_engine.h"

#include <grpc/event_engine/event_engine.h>
#include <grpc/grpc.h>
#include <sys/prctl.h>

#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "runtime/base/executor.h"

namespace agent::command {
namespace {

using grpc_event_engine::experimental::EventEngine;

constexpr int kThreads = 2;
constexpr unsigned long kTimerSlackNanoseconds = 1000000000;
constexpr char kNotHere[] = "this event engine has timers only";

class QuietEventEngine : public EventEngine {
 public:
  using Callback = absl::AnyInvocable<void()>;

  explicit QuietEventEngine(runtime::Executor* executor)
      : executor_(executor) {}

  void Run(Closure* closure) override {
    executor_->Post([closure] { closure->Run(); });
  }
  void Run(Callback callback) override {
    executor_->Post(ToTask(std::move(callback)));
  }
  TaskHandle RunAfter(Duration when, Closure* closure) override {
    return After(when, [closure] { closure->Run(); });
  }
  TaskHandle RunAfter(Duration when, Callback callback) override {
    return After(when, ToTask(std::move(callback)));
  }
  bool Cancel(TaskHandle handle) override {
    return executor_->Cancel(
        static_cast<runtime::Executor::TimerId>(handle.keys[0]));
  }
  bool IsWorkerThread() override { return false; }

  absl::StatusOr<std::unique_ptr<Listener>> CreateListener(
      Listener::AcceptCallback, absl::AnyInvocable<void(absl::Status)>,
      const grpc_event_engine::experimental::EndpointConfig&,
      std::unique_ptr<grpc_event_engine::experimental::MemoryAllocatorFactory>)
      override {
    return absl::UnimplementedError(kNotHere);
  }
  ConnectionHandle Connect(
      OnConnectCallback on_connect, const ResolvedAddress&,
      const grpc_event_engine::experimental::EndpointConfig&,
      grpc_event_engine::experimental::MemoryAllocator, Duration) override {
    Run([on_connect = std::move(on_connect)]() mutable {
      on_connect(absl::UnimplementedError(kNotHere));
    });
    return {{-1, -1}};
  }
  bool CancelConnect(ConnectionHandle) override { return false; }
  std::unique_ptr<DNSResolver> GetDNSResolver(
      const DNSResolver::ResolverOptions&) override {
    return nullptr;
  }

 private:
  static runtime::Task ToTask(Callback callback) {
    auto shared = std::make_shared<Callback>(std::move(callback));
    return [shared] { (*shared)(); };
  }
  TaskHandle After(Duration when, runtime::Task task) {
    const auto id =
        executor_->PostAfter(absl::FromChrono(when), std::move(task));
    return {{static_cast<intptr_t>(id), 0}};
  }

  runtime::Executor* const executor_;
};

}  // namespace

void UseQuietEventEngine() {
  // Never ends: gRPC may let go of its engine in one of these threads.
  static auto* const executor = new runtime::Executor("grpc", kThreads);
  grpc_event_engine::experimental::SetEventEngineFactory(
      [] { return std::make_unique<QuietEventEngine>(executor); });
  // gRPC's older timers are in two lists for each processor, and each list is
  // looked through once a second. The threads that gRPC makes here, one of them
  // for that, inherit this: with that much slack all lists have their turn at
  // once.
  prctl(PR_SET_TIMERSLACK, kTimerSlackNanoseconds, 0, 0, 0);
  grpc_init();                           // for as long as the process lives
  prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);  // back to the default
}

}  // namespace agent::command
