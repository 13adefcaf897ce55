// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/trash.h"

#include <sys/mount.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

class TrashTest : public ::testing::Test {
 protected:
  TrashTest() { Restart(); }

  // Ends the one before as a daemon does that is asked to.
  void Restart() {
    if (executor_ != nullptr) executor_->Stop();
    executor_ = std::make_unique<Executor>("test", 2);
    trash_ = std::make_unique<Trash>(dir_ / "trash", executor_.get());
    ASSERT_OK(trash_->Open());
  }
  // Keeps all threads of the executor until it is notified.
  void Block(absl::Notification* until) {
    for (int i = 0; i < 2; ++i) {
      executor_->Post([until] { until->WaitForNotification(); });
    }
  }
  std::string Tree(const std::string& name) {
    const std::string path = dir_ / name;
    EXPECT_OK(MakeDirs(path + "/a/b"));
    EXPECT_OK(WriteFileAtomic(path + "/a/file", "x"));
    return path;
  }
  static void Await(const std::function<bool()>& ready) {
    const absl::Time late = absl::Now() + absl::Seconds(20);
    while (!ready() && absl::Now() < late) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_TRUE(ready());
  }
  std::vector<std::string> InTrash() { return *ListDir(dir_ / "trash"); }

  tests::TempDir dir_;
  std::unique_ptr<Trash> trash_;
  std::unique_ptr<Executor> executor_;
};

TEST_F(TrashTest, WhatIsTakenIsGoneBeforeItIsRemoved) {
  absl::Notification go;
  Block(&go);
  const std::string tree = Tree("tree");
  EXPECT_OK(trash_->Take(tree));
  EXPECT_FALSE(Exists(tree));
  EXPECT_EQ(InTrash().size(), 1u);
  go.Notify();
  executor_->Stop();
  EXPECT_TRUE(InTrash().empty());
}

TEST_F(TrashTest, MissingIsOk) {
  EXPECT_OK(trash_->Take(dir_ / "nothing"));
  EXPECT_TRUE(InTrash().empty());
}

TEST_F(TrashTest, TheNextStartRemovesWhatAKilledOneLeft) {
  Tree("trash/1");
  Tree("trash/other");
  Restart();
  executor_->Stop();
  EXPECT_TRUE(InTrash().empty());
}

TEST_F(TrashTest, ANameThatIsTakenStaysAsItIs) {
  Tree("trash/1");
  EXPECT_OK(trash_->Take(Tree("tree")));
  EXPECT_FALSE(Exists(dir_ / "tree"));
  executor_->Stop();
  EXPECT_EQ(InTrash(), std::vector<std::string>{"1"});
}

TEST_F(TrashTest, WhatFailsIsTriedAgain) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  trash_ = std::make_unique<Trash>(dir_ / "trash", executor_.get(),
                                   absl::Milliseconds(1));
  const std::string tree = Tree("tree");
  ASSERT_EQ(mount("none", (tree + "/a/b").c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_OK(trash_->Take(tree));
  EXPECT_OK(trash_->Take(Tree("other")));
  const std::string left = dir_ / "trash/1/a/b";
  Await([&] { return InTrash() == std::vector<std::string>{"1"}; });
  EXPECT_TRUE(Exists(left));
  ASSERT_EQ(umount2(left.c_str(), MNT_DETACH), 0);
  Await([&] { return InTrash().empty(); });
}

TEST_F(TrashTest, WhatCannotBeMovedIsRemovedAtOnce) {
  const std::string tree = Tree("tree");
  ASSERT_OK(RemoveTree(dir_ / "trash"));
  EXPECT_OK(trash_->Take(tree));
  EXPECT_FALSE(Exists(tree));
}

}  // namespace
}  // namespace runtime
