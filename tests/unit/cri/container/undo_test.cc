// SPDX-License-Identifier: Apache-2.0
// Creates that fail and that the holder cannot let go at once.
#include "absl/time/clock.h"
#include "tests/unit/cri/container/containers_fixture.h"

namespace cri::container {
namespace {

using ::tests::StatusIs;

class UndoTest : public ContainersTest {
 protected:
  UndoTest() {
    absl::MutexLock lock(&world_.mutex);
    world_.create_error = absl::InternalError("no");
    world_.remove_error = absl::UnknownError("delete failed");
  }
  // As after a create that was cut short.
  void MakeHalf() {
    const std::string half(64, 'a');
    ASSERT_OK(runtime::MakeDirs(dir_ / ("containers/" + half + "/upper")));
    ASSERT_OK(images_.Hold("sha256:1", half));
    world_.sandboxes[sandbox_->id].containers[half].id = half;
  }
  // Of the holder, from now on.
  void LetGo() {
    absl::MutexLock lock(&world_.mutex);
    world_.remove_error = absl::OkStatus();
  }
  void AwaitTries(int count) {
    const auto tried = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(world_.mutex) {
      return world_.removals >= count;
    };
    absl::MutexLock lock(&world_.mutex);
    EXPECT_TRUE(world_.mutex.AwaitWithTimeout(absl::Condition(&tried),
                                              absl::Seconds(20)));
  }
  void ExpectNothingLeft() {
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (absl::Now() < until &&
           (FilesLeft() > 0 || !images_.Holders().empty())) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    EXPECT_EQ(FilesLeft(), 0u);
    EXPECT_TRUE(images_.Holders().empty());
  }
};

TEST_F(UndoTest, WhatTheHolderMayStillUseStaysUntilItHasLetGo) {
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kInternal));
  AwaitTries(3);
  EXPECT_EQ(FilesLeft(), 1u);
  EXPECT_EQ(images_.Holders().size(), 1u);
  EXPECT_TRUE(containers_->List().empty());
  LetGo();
  ExpectNothingLeft();
}

TEST_F(UndoTest, IsNotTriedWhileTheServerEnds) {
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kInternal));
  AwaitTries(2);
  containers_->EndWaits();
  absl::SleepFor(absl::Milliseconds(100));  // one may be under way
  LetGo();
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_EQ(FilesLeft(), 1u);
}

TEST_F(UndoTest, ARestartKeepsWhatTheHolderMayStillUse) {
  MakeHalf();
  Restart();
  EXPECT_EQ(FilesLeft(), 1u);
  EXPECT_EQ(images_.Holders().size(), 1u);
  LetGo();
  ExpectNothingLeft();
}

TEST_F(UndoTest, ARestartKeepsWhatAHolderThatDoesNotAnswerMayStillUse) {
  MakeHalf();
  world_.silent = true;
  Restart();
  AwaitTries(2);
  EXPECT_EQ(FilesLeft(), 1u);
  EXPECT_EQ(images_.Holders().size(), 1u);
  LetGo();
  ExpectNothingLeft();
}

}  // namespace
}  // namespace cri::container
