// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/turns.h"

#include <thread>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "runtime/base/activity.h"
#include "tests/support/status_matchers.h"

namespace cri::network::cni {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

PodNetwork LeftOfPod(const std::string& id, const std::string& name) {
  return {.sandbox_id = id,
          .name = name,
          .pod_namespace = "default",
          .ports = {{Protocol::kTcp, 80, 8080, ""}},
          .stopping = true};
}

PodNetwork Pod(const std::string& name) {
  return {.sandbox_id = "new", .name = name, .pod_namespace = "default"};
}

// What the one operation under way waits for, once it does.
std::string AwaitStep() {
  while (true) {
    for (const auto& state : runtime::activity::List()) {
      if (!state.step.empty()) return state.step;
    }
    absl::SleepFor(absl::Milliseconds(1));
  }
}

// Waits in a thread of its own, as a call does.
class Waiter {
 public:
  Waiter(Turns& turns, const PodNetwork& pod)
      : thread_([this, &turns, pod] {
          const runtime::activity::Operation operation("RunPodSandbox", "");
          result_ = turns.AwaitAdd(pod);
        }) {}
  absl::Status Join() {
    thread_.join();
    return result_;
  }

 private:
  absl::Status result_ = absl::UnknownError("");
  std::thread thread_;
};

TEST(TurnsTest, WithoutARecoveryNobodyWaits) {
  Turns turns;
  EXPECT_OK(turns.AwaitAdd(Pod("web")));
  EXPECT_OK(turns.AwaitDel());
}

TEST(TurnsTest, AddWaitsForGcAndThenForTheDelOfItsOwnPod) {
  Turns turns;
  turns.Begin({LeftOfPod("old", "web")});
  Waiter waiter(turns, Pod("web"));
  EXPECT_THAT(AwaitStep(), HasSubstr("waits for the garbage collection (GC)"));
  turns.EndGc();
  EXPECT_OK(turns.AwaitDel());
  EXPECT_OK(turns.AwaitAdd(Pod("other")));
  while (!absl::StrContains(AwaitStep(), "DEL of sandbox old")) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_THAT(AwaitStep(), HasSubstr("it is of the same pod"));
  turns.EndDel("old");
  EXPECT_OK(waiter.Join());
}

TEST(TurnsTest, AddWaitsForTheDelOfWhoHasItsHostPort) {
  Turns turns;
  turns.Begin({LeftOfPod("old", "web")});
  turns.EndGc();
  PodNetwork pod = Pod("other");
  pod.ports = {{Protocol::kUdp, 80, 8080, ""}};
  EXPECT_OK(turns.AwaitAdd(pod));
  pod.ports = {{Protocol::kTcp, 81, 8080, "127.0.0.1"}};
  Waiter waiter(turns, pod);
  EXPECT_THAT(AwaitStep(), HasSubstr("it has host port 8080"));
  turns.EndDel("old");
  EXPECT_OK(waiter.Join());
}

TEST(TurnsTest, StopEndsTheWaiting) {
  Turns turns;
  turns.Begin({});
  Waiter waiter(turns, Pod("web"));
  AwaitStep();
  turns.Stop();
  EXPECT_THAT(waiter.Join(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(turns.AwaitDel(), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace cri::network::cni
