// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/layer_usage.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::stats {
namespace {

using ::tests::StatusIs;

void Write(const std::string& path, size_t bytes) {
  ASSERT_OK(runtime::WriteFileAtomic(path, std::string(bytes, 'x')));
}

TEST(MeasureTreeTest, CountsBlocksAndInodesOnce) {
  tests::TempDir dir;
  ASSERT_OK(runtime::MakeDirs(dir / "a/b"));
  Write(dir / "a/b/file", 100 << 10);
  ASSERT_EQ(link((dir / "a/b/file").c_str(), (dir / "again").c_str()), 0);
  ASSERT_EQ(symlink("/usr", (dir / "usr").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(TreeUsage usage, MeasureTree(dir.path()));
  EXPECT_EQ(usage.inodes, 5u);  // the root, a, a/b, one file, one link
  EXPECT_GE(usage.bytes, 100u << 10);
  EXPECT_LT(usage.bytes, 200u << 10);
}

TEST(MeasureTreeTest, GivesUpAboveItsLimit) {
  tests::TempDir dir;
  for (int i = 0; i < 10; ++i) Write(absl::StrCat(dir / "f", i), 1);
  EXPECT_OK(MeasureTree(dir.path(), 10).status());
  EXPECT_THAT(MeasureTree(dir.path(), 9).status(),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(MeasureTree(dir / "none").status(),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(MeasureTreeTest, SurvivesATreeDeeperThanItsDescriptors) {
  tests::TempDir dir;
  std::string path = dir.path();
  for (int i = 0; i < 300; ++i) {
    path += "/d";
    ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  }
  ASSERT_OK_AND_ASSIGN(TreeUsage usage, MeasureTree(dir.path()));
  EXPECT_GT(usage.inodes, 190u);
}

TEST(LayerUsageTest, SmallTreeIsKnownAtOnceAndThenKept) {
  tests::TempDir dir;
  runtime::Executor executor("test", 1);
  auto layer = std::make_shared<LayerUsage>(dir.path(), &executor);
  std::optional<LayerUsage::Known> known = layer->Get();
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->usage.inodes, 1u);
  Write(dir / "new", 1);
  EXPECT_EQ(layer->Get()->usage.inodes, 1u) << "walked again at once";
}

TEST(LayerUsageTest, LargeTreeIsWalkedInTheBackground) {
  tests::TempDir dir;
  for (int i = 0; i < 1200; ++i) {
    ASSERT_EQ(mkdir(absl::StrCat(dir / "d", i).c_str(), 0700), 0);
  }
  auto executor = std::make_unique<runtime::Executor>("test", 1);
  auto layer = std::make_shared<LayerUsage>(dir.path(), executor.get());
  EXPECT_FALSE(layer->Get().has_value());
  executor.reset();  // runs what was posted
  std::optional<LayerUsage::Known> known = layer->Get();
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->usage.inodes, 1201u);
}

}  // namespace
}  // namespace cri::stats
