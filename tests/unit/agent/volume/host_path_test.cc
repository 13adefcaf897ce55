// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/host_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"

namespace agent::volume {
namespace {

using runtime::Json;
using ::testing::HasSubstr;
using tests::IsOk;
using tests::IsOkAndHolds;

class HostPathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/coracle-host-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    ASSERT_THAT(runtime::WriteFileAtomic(root_ + "/file", ""), IsOk());
    ASSERT_THAT(runtime::MakeDirs(root_ + "/directory"), IsOk());
  }
  void TearDown() override { EXPECT_THAT(runtime::RemoveTree(root_), IsOk()); }
  absl::StatusOr<std::string> Prepare(const std::string& name,
                                      const std::string& type) {
    return PrepareHostPath(
        {{"path", absl::StrCat(root_, "/", name)}, {"type", type}});
  }
  mode_t Mode(const std::string& name) {
    struct stat st;
    return stat(absl::StrCat(root_, "/", name).c_str(), &st) == 0 ? st.st_mode
                                                                  : 0;
  }
  std::string root_;
};

TEST_F(HostPathTest, AcceptsWhatIsOfItsType) {
  EXPECT_THAT(Prepare("file", ""), IsOkAndHolds(root_ + "/file"));
  EXPECT_THAT(Prepare("file", "File"), IsOk());
  EXPECT_THAT(Prepare("file", "FileOrCreate"), IsOk());
  EXPECT_THAT(Prepare("directory", "Directory"), IsOk());
  EXPECT_THAT(Prepare("directory", "DirectoryOrCreate"), IsOk());
  EXPECT_THAT(PrepareHostPath({{"path", "/dev/null"}, {"type", "CharDevice"}}),
              IsOk());
}

TEST_F(HostPathTest, MakesWhatTheTypeAllows) {
  EXPECT_THAT(Prepare("x/y", ""), IsOk());
  EXPECT_EQ(Mode("x/y"), static_cast<mode_t>(S_IFDIR | 0755));
  EXPECT_THAT(Prepare("d", "DirectoryOrCreate"), IsOk());
  EXPECT_EQ(Mode("d"), static_cast<mode_t>(S_IFDIR | 0755));
  EXPECT_THAT(Prepare("f", "FileOrCreate"), IsOk());
  EXPECT_EQ(Mode("f"), static_cast<mode_t>(S_IFREG | 0644));
  EXPECT_FALSE(Prepare("no/parent", "FileOrCreate").ok());
}

TEST_F(HostPathTest, RefusesEverythingElseInKubeletsWords) {
  const struct {
    const char *name, *type, *text;
  } kRows[] = {
      {"file", "Directory", "is not a directory"},
      {"file", "DirectoryOrCreate", "is not a directory"},
      {"directory", "File", "is not a file"},
      {"none", "File", "is not a file"},
      {"none", "Directory", "is not a directory"},
      {"file", "Socket", "is not a socket file"},
      {"file", "CharDevice", "is not a character device"},
      {"file", "BlockDevice", "is not a block device"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(Prepare(row.name, row.type).status().message(),
                ::testing::AllOf(HasSubstr("hostPath type check failed: "),
                                 HasSubstr(row.text)));
  }
  EXPECT_THAT(Prepare("file", "Odd").status().message(),
              HasSubstr("Odd is an invalid volume type"));
  EXPECT_FALSE(Prepare("directory/../file", "").ok());
  EXPECT_FALSE(PrepareHostPath({{"path", "relative"}}).ok());
  EXPECT_FALSE(PrepareHostPath(Json()).ok());
}

}  // namespace
}  // namespace agent::volume
