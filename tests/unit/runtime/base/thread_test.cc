// SPDX-License-Identifier: Apache-2.0
// What becomes of work when the system gives no more threads.
#include "runtime/base/thread.h"

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "runtime/base/executor.h"
#include "tests/support/no_threads.h"
#include "tests/support/status_matchers.h"

namespace runtime {
namespace {

using ::tests::IsOk;
using ::tests::StatusIs;

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

TEST(ExecutorWithoutThreadsTest, RefusesWhatCanBeRefused) {
  Executor executor("test", 2);
  {
    const tests::NoThreads none;
    EXPECT_THAT(executor.TryPost([] { ADD_FAILURE(); }),
                StatusIs(absl::StatusCode::kResourceExhausted));
    EXPECT_THAT(executor.TryPostShort([] { ADD_FAILURE(); }),
                StatusIs(absl::StatusCode::kResourceExhausted));
  }
  absl::Notification ran;
  EXPECT_THAT(executor.TryPost([&] { ran.Notify(); }), IsOk());
  ran.WaitForNotification();
}

TEST(ExecutorWithoutThreadsTest, KeepsTheRestUntilThereIsOne) {
  Executor executor("test", 2);
  absl::Notification ran, due;
  {
    const tests::NoThreads none;
    executor.Post([&] { ran.Notify(); });
    executor.PostAfter(absl::ZeroDuration(), [&] { due.Notify(); });
  }
  executor.Post([] {});
  ran.WaitForNotification();
  due.WaitForNotification();
}

TEST(ExecutorWithoutThreadsTest, StopRunsWhatWaits) {
  Executor executor("test", 2);
  bool ran = false;
  const tests::NoThreads none;
  executor.Post([&] { ran = true; });
  executor.Stop();
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
  EXPECT_THAT(executor.TryPost([&] { ran.Notify(); }), IsOk());
  go.Notify();
  ran.WaitForNotification();
}

}  // namespace
}  // namespace runtime
