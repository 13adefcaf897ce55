// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount/options.h"

#include <sys/mount.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/mount/rootfs.h"

namespace runtime::mount {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(OptionsTest, SortsFlagsPropagationAndData) {
  Options options =
      ParseOptions({"rbind", "ro", "nosuid", "rslave", "size=64k", "mode=755"});
  EXPECT_TRUE(options.bind);
  EXPECT_TRUE(options.bind_recursive);
  EXPECT_EQ(options.set, uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
  EXPECT_EQ(options.recursive_set, 0u);
  EXPECT_EQ(options.propagation, uint64_t{MS_SLAVE});
  EXPECT_TRUE(options.propagation_recursive);
  EXPECT_THAT(options.data, ElementsAre("size=64k", "mode=755"));
}

TEST(OptionsTest, TheLastWordWins) {
  EXPECT_EQ(ParseOptions({"ro", "rw"}).set, 0u);
  EXPECT_EQ(ParseOptions({"ro", "rw"}).clear, uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(ParseOptions({"rw", "ro"}).set, uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(ParseOptions({"rw", "ro"}).clear, 0u);
}

TEST(OptionsTest, RecursiveFormsAreKeptApart) {
  Options options = ParseOptions({"rro", "rnosuid"});
  EXPECT_EQ(options.set, 0u);
  EXPECT_EQ(options.recursive_set,
            uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
  EXPECT_THAT(options.data, IsEmpty());
}

TEST(OptionsTest, AtimeModesClearTheWholeField) {
  Options options = ParseOptions({"strictatime"});
  EXPECT_EQ(options.set, uint64_t{MOUNT_ATTR_STRICTATIME});
  EXPECT_EQ(options.clear, uint64_t{MOUNT_ATTR__ATIME});
  // "relatime" starts with the letter that elsewhere means recursive.
  EXPECT_EQ(ParseOptions({"relatime"}).recursive_set, 0u);
}

TEST(OptionsTest, PathsAreCleanedForComparison) {
  for (const auto& [path, clean] : {std::pair{"/proc/", "/proc"},
                                    {"//a/./b", "/a/b"},
                                    {"/a/../../b", "/b"},
                                    {"", "/"},
                                    {"/..", "/"},
                                    {"dev", "/dev"}}) {
    EXPECT_EQ(CleanPath(path), clean) << path;
  }
}

}  // namespace
}  // namespace runtime::mount
