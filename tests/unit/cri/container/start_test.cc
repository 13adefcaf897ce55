// SPDX-License-Identifier: Apache-2.0
// Starts whose answer comes late, or not at all.
#include <thread>

#include "runtime/base/activity.h"
#include "tests/unit/cri/container/containers_fixture.h"

namespace cri::container {
namespace {

using ::testing::HasSubstr;
using ::tests::StatusIs;

class StartTest : public ContainersTest {
 protected:
  // The workload runs.
  void Begin(const std::string& id) {
    absl::MutexLock lock(&world_.mutex);
    runtime::ContainerState& state =
        world_.sandboxes[sandbox_->id].containers[id];
    state.phase = runtime::ContainerPhase::kRunning;
    state.started_at = absl::Now();
  }
  // Of the only operation.
  void AwaitStep(const std::string& step) {
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (absl::Now() < until) {
      const auto operations = runtime::activity::List();
      if (!operations.empty() && operations[0].step == step) return;
      std::this_thread::yield();
    }
    ADD_FAILURE() << "nothing " << step;
  }
  runtime::ContainerState StateOf(const std::string& id) {
    absl::MutexLock lock(&world_.mutex);
    return world_.sandboxes[sandbox_->id].containers[id];
  }
};

TEST_F(StartTest, AStartWhoseAnswerWasLateHasHappened) {
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  world_.before_start = [&] {
    Begin(container->id);
    return absl::DeadlineExceededError("no answer in time");
  };
  EXPECT_OK(containers_->Start(container, kNever));
  EXPECT_EQ(ToStatus(*container).state(), v1::CONTAINER_RUNNING);
  EXPECT_EQ(ToStatus(*container).message(), "");
}

TEST_F(StartTest, AStartThatIsNotDoneInTimeSaysSo) {
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  world_.before_start = [] {
    return absl::DeadlineExceededError("no answer in time");
  };
  EXPECT_THAT(containers_->Start(container, kNever),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("no answer in time")));
}

// Two calls of which the first one's time is up before the container runs; by
// the time that the second one goes on, it does.
TEST_F(StartTest, ACallThatJoinedASlowStartSucceedsWithIt) {
  ASSERT_OK_AND_ASSIGN(ContainerPtr container, Create());
  absl::Notification begun, go_on;
  world_.get_error = absl::UnavailableError("the holder is busy");
  world_.before_start = [&] {
    begun.Notify();
    go_on.WaitForNotification();
    Begin(container->id);
    containers_->OnState(StateOf(container->id));
    return absl::DeadlineExceededError("no answer in time");
  };
  std::thread first([&] {
    EXPECT_THAT(containers_->Start(container, absl::Now()),
                StatusIs(absl::StatusCode::kDeadlineExceeded));
  });
  begun.WaitForNotification();
  std::thread second([&] {
    const runtime::activity::Operation operation("StartContainer", "second");
    EXPECT_OK(containers_->Start(container, kNever));
  });
  AwaitStep("waits for the same request, under way already");
  go_on.Notify();
  first.join();
  second.join();
}

}  // namespace
}  // namespace cri::container
