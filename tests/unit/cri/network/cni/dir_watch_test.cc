// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/dir_watch.h"

#include <atomic>
#include <filesystem>
#include <string>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network::cni {
namespace {

// Until it was told `count` times, but no longer than 20 s.
int Await(const std::atomic<int>& told, int count) {
  const absl::Time end = absl::Now() + absl::Seconds(20);
  while (told < count && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  return told;
}

TEST(DirWatchTest, TellsOfChangesThatFollowEachOther) {
  tests::TempDir dir, other;
  std::atomic<int> told = 0;
  const DirWatch watch({dir.path()}, [&] { ++told; });
  EXPECT_OK(watch.status());
  EXPECT_OK(runtime::WriteFileAtomic(other / "file", "x"));
  for (int i = 1; i < 10; ++i) {
    ASSERT_EQ(Await(told, i), i);
    std::filesystem::rename(i % 2 == 1 ? other / "file" : dir / "file",
                            i % 2 == 1 ? dir / "file" : other / "file");
  }
  EXPECT_EQ(Await(told, 10), 10);
}

// As a plugin that writes a log where it lies itself.
TEST(DirWatchTest, IsNotKeptBusyByWhatItsNewsMakeOthersWrite) {
  tests::TempDir dir;
  std::atomic<int> told = 0;
  const DirWatch watch({dir.path()}, [&] {
    ++told;
    EXPECT_OK(runtime::WriteFileAtomic(dir / "log", "x"));
  });
  absl::SleepFor(absl::Seconds(1));
  EXPECT_LE(told, 12);
  const int before = told;
  EXPECT_GT(Await(told, before + 1), before);
}

}  // namespace
}  // namespace cri::network::cni
