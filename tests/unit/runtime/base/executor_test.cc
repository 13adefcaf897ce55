// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/executor.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime {
namespace {

constexpr absl::Duration kLong = absl::Seconds(20);

TEST(ExecutorTest, TasksRunAtTheSameTime) {
  Executor executor("test", 4);
  // Passes only if all four are inside at once.
  auto barrier = std::make_unique<absl::Barrier>(4);
  std::atomic<int> passed = 0;
  absl::Notification done;
  for (int i = 0; i < 4; ++i) {
    executor.Post([&] {
      barrier->Block();
      if (++passed == 4) done.Notify();
    });
  }
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(kLong));
}

TEST(ExecutorTest, NeverMoreThreadsThanAllowed) {
  std::atomic<int> inside = 0, most = 0;
  {
    Executor executor("test", 3);
    for (int i = 0; i < 200; ++i) {
      executor.Post([&] {
        int now = ++inside;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --inside;
      });
    }
  }
  EXPECT_LE(most, 3);
}

TEST(ExecutorTest, ShortTasksGetThroughWhenAllThreadsWait) {
  Executor executor("test", 2);
  absl::Notification release, done;
  std::atomic<int> inside = 0, most = 0;
  for (int i = 0; i < 6; ++i) {
    executor.Post([&] {
      most = std::max<int>(most, ++inside);
      release.WaitForNotification();
      --inside;
    });
  }
  std::atomic<int> left = 100;
  for (int i = 0; i < 100; ++i) {
    executor.PostShort([&] {
      if (--left == 0) done.Notify();
    });
  }
  done.WaitForNotification();
  release.Notify();
  executor.Stop();
  EXPECT_EQ(inside, 0);
  EXPECT_LE(most, 2);  // the others did not use the threads of the short ones
}

TEST(ExecutorTest, StopEndsWhatIsQueuedAndTakesNothingMore) {
  std::atomic<int> ran = 0;
  Executor executor("test", 2);
  for (int i = 0; i < 100; ++i) {
    executor.Post([&] {
      ++ran;
      executor.Post([&] { ++ran; });
    });
  }
  executor.PostAfter(absl::Hours(1), [&] { ran += 1000; });
  executor.Stop();
  EXPECT_EQ(ran, 200);
  executor.Post([&] { ran += 1000; });
  const Executor::TimerId timer =
      executor.PostAfter(absl::ZeroDuration(), [&] { ran += 1000; });
  EXPECT_FALSE(executor.Cancel(timer));
  executor.Stop();
  EXPECT_EQ(ran, 200);
}

TEST(ExecutorTest, TheDestructorRunsWhatIsQueuedAndDropsTimers) {
  std::atomic<int> ran = 0;
  {
    Executor executor("test", 2);
    for (int i = 0; i < 100; ++i) executor.Post([&] { ++ran; });
    executor.PostAfter(absl::Hours(1), [&] { ran += 1000; });
  }
  EXPECT_EQ(ran, 100);
}

TEST(ExecutorTest, TimersRunInTheOrderOfTheirTimes) {
  Executor executor("test", 1);
  absl::Mutex mutex;
  std::vector<int> order;
  absl::Notification done;
  auto add = [&](int value) {
    absl::MutexLock lock(&mutex);
    order.push_back(value);
  };
  absl::Time start = absl::Now();
  executor.PostAt(start + absl::Milliseconds(60), [&] {
    add(3);
    done.Notify();
  });
  executor.PostAt(start + absl::Milliseconds(20), [&] { add(1); });
  executor.PostAt(start + absl::Milliseconds(40), [&] { add(2); });
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kLong));
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(60));
  absl::MutexLock lock(&mutex);
  EXPECT_THAT(order, testing::ElementsAre(1, 2, 3));
}

TEST(ExecutorTest, ACancelledTimerDoesNotRun) {
  Executor executor("test", 1);
  std::atomic<bool> ran = false;
  absl::Notification later;
  auto id = executor.PostAfter(absl::Milliseconds(20), [&] { ran = true; });
  auto last =
      executor.PostAfter(absl::Milliseconds(40), [&] { later.Notify(); });
  EXPECT_TRUE(executor.Cancel(id));
  EXPECT_FALSE(executor.Cancel(id));
  ASSERT_TRUE(later.WaitForNotificationWithTimeout(kLong));
  EXPECT_FALSE(executor.Cancel(last));
  EXPECT_FALSE(ran);
}

TEST(SerialQueueTest, RunsInOrderAndNeverTwoAtOnce) {
  Executor executor("test", 4);
  SerialQueue queue(&executor);
  std::vector<int> order;  // no lock: the queue is the lock
  std::atomic<int> inside = 0;
  absl::Notification done;
  for (int i = 0; i < 500; ++i) {
    queue.Post([&, i] {
      EXPECT_EQ(++inside, 1);
      order.push_back(i);
      --inside;
      if (i == 499) done.Notify();
    });
  }
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kLong));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(order[i], i);
}

TEST(SerialQueueTest, ABlockedQueueDoesNotStopAnother) {
  Executor executor("test", 2);
  SerialQueue slow(&executor), fast(&executor);
  absl::Notification release, done, slow_done;
  slow.Post([&] {
    release.WaitForNotification();
    slow_done.Notify();
  });
  fast.Post([&] { done.Notify(); });
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(kLong));
  release.Notify();
  slow_done.WaitForNotification();
}

TEST(SerialQueueTest, MayBeDroppedWithTasksInIt) {
  Executor executor("test", 1);
  absl::Notification start, done;
  auto queue = std::make_unique<SerialQueue>(&executor);
  queue->Post([&] { start.WaitForNotification(); });
  queue->Post([&] { done.Notify(); });
  queue.reset();
  start.Notify();
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(kLong));
}

// Every thread waits for a task of a queue: a deadlock if the tasks needed
// further threads.
TEST(SerialQueueTest, AllThreadsMayWaitForQueuesAtOnce) {
  constexpr int kThreads = 4;
  Executor executor("test", kThreads);
  auto all_inside = std::make_unique<absl::Barrier>(kThreads);
  std::atomic<int> left = kThreads;
  absl::Notification done;
  for (int i = 0; i < kThreads; ++i) {
    executor.Post([&] {
      SerialQueue queue(&executor);
      all_inside->Block();
      bool ran = false;
      queue.Post([] {});
      queue.Run([&] { ran = true; });
      EXPECT_TRUE(ran);
      if (--left == 0) done.Notify();
    });
  }
  done.WaitForNotification();
}

TEST(SerialQueueTest, RunTakesItsTurn) {
  Executor executor("test", 4);
  SerialQueue queue(&executor);
  std::vector<int> order;  // no lock: the queue is the lock
  std::atomic<int> inside = 0, left = 8;
  absl::Notification done;
  for (int thread = 0; thread < 8; ++thread) {
    executor.Post([&] {
      for (int i = 0; i < 200; ++i) {
        int before = 0;
        queue.Post([&] {
          EXPECT_EQ(++inside, 1);
          before = ++order.emplace_back(0);
          --inside;
        });
        queue.Run([&] {
          EXPECT_EQ(++inside, 1);
          EXPECT_EQ(before, 1);
          order.push_back(2);
          --inside;
        });
      }
      if (--left == 0) done.Notify();
    });
  }
  done.WaitForNotification();
  EXPECT_EQ(order.size(), 8u * 200 * 2);
}

// What comes while a caller's task runs is the executor's again.
TEST(SerialQueueTest, WhatIsPostedDuringARunStillComes) {
  Executor executor("test", 1);
  SerialQueue queue(&executor);
  absl::Notification done;
  queue.Run([&] {
    queue.Post([] {});
    queue.Post([&] { done.Notify(); });
  });
  done.WaitForNotification();
}

}  // namespace
}  // namespace runtime
