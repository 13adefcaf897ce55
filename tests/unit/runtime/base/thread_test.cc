// SPDX-License-Identifier: Apache-2.0
// What becomes of work when the system gives no more threads.
#include "runtime/base/thread.h"

#include <memory>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "runtime/base/executor.h"
#include "tests/support/no_threads.h"
#include "tests/support/status_matchers.h"

namespace runtime {
namespace {

using ::tests::IsOk;
using ::tests::StatusIs;

constexpr absl::Duration kLong = absl::Seconds(20);

TEST(ThreadTest, OneThatCannotBeHadIsAnError) {
  const tests::NoThreads none;
  EXPECT_THAT(StartThread([] {}).status(),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(RunInThread([] { ADD_FAILURE(); }),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ThreadTest, RunsToItsEnd) {
  bool ran = false;
  EXPECT_THAT(RunInThread([&] { ran = true; }), IsOk());
  EXPECT_TRUE(ran);
}

// Made while there are none.
std::unique_ptr<Executor> ExecutorWithoutThreads() {
  const tests::NoThreads none;
  return std::make_unique<Executor>("test", 2);
}

TEST(ExecutorWithoutThreadsTest, HasItsFirstOneFromTheStartOn) {
  Executor executor("test", 2);
  const tests::NoThreads none;
  absl::Notification ran;
  executor.Post([&] { ran.Notify(); });
  EXPECT_TRUE(ran.WaitForNotificationWithTimeout(kLong));
}

TEST(ExecutorWithoutThreadsTest, KeepsWhatIsPostedUntilThereIsOne) {
  const std::unique_ptr<Executor> executor = ExecutorWithoutThreads();
  absl::Notification ran, due;
  {
    const tests::NoThreads none;
    executor->Post([&] { ran.Notify(); });
    executor->PostAfter(absl::ZeroDuration(), [&] { due.Notify(); });
  }
  executor->PostShort([] {});
  EXPECT_TRUE(ran.WaitForNotificationWithTimeout(kLong));
  EXPECT_TRUE(due.WaitForNotificationWithTimeout(kLong));
}

TEST(ExecutorWithoutThreadsTest, StopRunsWhatWaits) {
  const std::unique_ptr<Executor> executor = ExecutorWithoutThreads();
  bool ran = false;
  const tests::NoThreads none;
  executor->Post([&] { ran = true; });
  executor->Stop();
  EXPECT_TRUE(ran);
}

TEST(ExecutorWithoutThreadsTest, WorksWithThoseThatItHas) {
  Executor executor("test", 2);
  absl::Notification inside, go, ran;
  executor.Post([&] {
    inside.Notify();
    go.WaitForNotification();
  });
  inside.WaitForNotification();
  const tests::NoThreads none;
  executor.Post([&] { ran.Notify(); });
  go.Notify();
  EXPECT_TRUE(ran.WaitForNotificationWithTimeout(kLong));
}

}  // namespace
}  // namespace runtime
