// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/record_commits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RecordCommitsTest : public ::testing::Test {
 protected:
  RecordCommits::Sync Log() {
    return [this](const std::string& path) {
      absl::MutexLock lock(&mutex_);
      synced_.push_back(path);
      return absl::OkStatus();
    };
  }
  std::vector<std::string> Synced(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto all = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return synced_.size() >= count;
    };
    EXPECT_TRUE(
        mutex_.AwaitWithTimeout(absl::Condition(&all), absl::Seconds(20)));
    return synced_;
  }

  absl::Mutex mutex_;
  std::vector<std::string> synced_ ABSL_GUARDED_BY(mutex_);
  runtime::Executor executor_{"commits", 2};
};

TEST_F(RecordCommitsTest, WhatIsWrittenInAMomentIsCommittedOnce) {
  RecordCommits commits(&executor_, absl::Milliseconds(50), Log());
  for (int i = 0; i < 3; ++i) {
    commits.Written("/r/b.json");
    commits.Written("/r/a.json");
  }
  EXPECT_THAT(Synced(3), ElementsAre("/r/a.json", "/r/b.json", "/r"));
  commits.Written("/r/a.json");
  EXPECT_THAT(Synced(5),
              ElementsAre("/r/a.json", "/r/b.json", "/r", "/r/a.json", "/r"));
  executor_.Stop();
}

TEST_F(RecordCommitsTest, TheEndCommitsWhatIsLeft) {
  {
    RecordCommits commits(&executor_, absl::Hours(1), Log());
    commits.Written("/r/a.json");
    executor_.Stop();
    EXPECT_THAT(Synced(0), IsEmpty());
  }
  EXPECT_THAT(Synced(2), ElementsAre("/r/a.json", "/r"));
}

TEST(SyncPathTest, SyncsFilesAndDirectoriesAndPassesOverWhatIsGone) {
  tests::TempDir dir;
  ASSERT_OK(runtime::WriteFileAtomic(dir / "file", "text"));
  EXPECT_OK(SyncPath(dir / "file"));
  EXPECT_OK(SyncPath(dir.path()));
  EXPECT_OK(SyncPath(dir / "gone"));
  EXPECT_THAT(std::string(SyncPath(dir / "file/below").message()),
              ::testing::HasSubstr("open "));
}

}  // namespace
}  // namespace cri::sandbox
