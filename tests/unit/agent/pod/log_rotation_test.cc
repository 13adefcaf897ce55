// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/log_rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::pod {
namespace {

using testing::ElementsAre;
using tests::IsOk;

std::string Unpack(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  char text[64] = "";
  const int n = gzread(file, text, sizeof text);
  gzclose(file);
  return std::string(text, static_cast<size_t>(std::max(n, 0)));
}

class LogRotationTest : public testing::Test {
 protected:
  void Fill(const std::string& text) {
    ASSERT_THAT(runtime::WriteFileAtomic(path_, text), IsOk());
  }
  absl::Status Rotate(int second) {
    return RotateLog(path_, {8, 3}, absl::FromUnixSeconds(second), [this] {
      ++reopened_;
      if (!refusal_.ok()) return refusal_;
      return runtime::WriteFileAtomic(path_, "");
    });
  }
  std::vector<std::string> Files() {
    auto names = runtime::ListDir(dir_.path()).value();
    std::sort(names.begin(), names.end());
    return names;
  }

  tests::TempDir dir_;
  const std::string path_ = dir_.path() + "/0.log";
  absl::Status refusal_;
  int reopened_ = 0;
};

TEST_F(LogRotationTest, SmallLogStays) {
  Fill("12345678");
  EXPECT_THAT(Rotate(0), IsOk());
  EXPECT_EQ(reopened_, 0);
  EXPECT_THAT(Files(), ElementsAre("0.log"));
}

// An agent may be killed between the rename and the runtime's new file.
TEST_F(LogRotationTest, MissingLogIsMadeAgain) {
  Fill("a long line");
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".19700101-000000").c_str()), 0);
  EXPECT_THAT(Rotate(1), IsOk());
  EXPECT_EQ(reopened_, 1);
  EXPECT_THAT(Files(), ElementsAre("0.log", "0.log.19700101-000000"));
  refusal_ = absl::UnavailableError("no");
  ASSERT_EQ(unlink(path_.c_str()), 0);
  EXPECT_EQ(Rotate(2).message(), absl::StrCat("reopen ", path_, ": no"));
}

TEST_F(LogRotationTest, KeepsSoManyFilesAndCompressesTheOldOnes) {
  for (int i = 0; i < 4; ++i) {
    Fill(absl::StrCat("a long line ", i));
    ASSERT_THAT(Rotate(i), IsOk());
  }
  EXPECT_EQ(reopened_, 4);
  EXPECT_THAT(Files(), ElementsAre("0.log", "0.log.19700101-000002.gz",
                                   "0.log.19700101-000003"));
  EXPECT_EQ(Unpack(dir_.path() + "/0.log.19700101-000002.gz"), "a long line 2");
}

TEST_F(LogRotationTest, LogGoesBackIfTheRuntimeDoesNotReopenIt) {
  Fill("a long line");
  refusal_ = absl::UnavailableError("no");
  EXPECT_EQ(Rotate(0).message(), absl::StrCat("reopen ", path_, ": no"));
  EXPECT_THAT(Files(), ElementsAre("0.log"));
  EXPECT_EQ(runtime::ReadFile(path_).value(), "a long line");
}

TEST_F(LogRotationTest, RestOfAnInterruptedCompressionIsRemoved) {
  Fill("a long line");
  ASSERT_THAT(runtime::WriteFileAtomic(path_ + ".19700101-000000.tmp", "x"),
              IsOk());
  ASSERT_THAT(Rotate(5), IsOk());
  EXPECT_THAT(Files(), ElementsAre("0.log", "0.log.19700101-000005"));
}

}  // namespace
}  // namespace agent::pod
