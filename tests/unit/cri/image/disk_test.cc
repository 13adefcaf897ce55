// SPDX-License-Identifier: Apache-2.0
#include "cri/image/disk.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::image {
namespace {

TEST(DiskTest, ASharedLayerStaysReadableWhenAnotherPullCommitsIt) {
  tests::TempDir dir;
  ASSERT_OK_AND_ASSIGN(auto disk, Disk::Open(dir / "root"));
  ASSERT_OK_AND_ASSIGN(auto layer, disk->Stage());
  layer->record.diff_id = "sha256:" + std::string(64, 'a');
  ASSERT_OK(runtime::WriteFileAtomic(layer->Files() + "/hello", "hello"));
  ASSERT_OK(disk->FinishStaged(*layer));
  ASSERT_OK(disk->CommitLayer(*layer));
  EXPECT_FALSE(runtime::Exists(layer->path()));
  ASSERT_OK_AND_ASSIGN(std::string text,
                       runtime::ReadFile(layer->Files() + "/hello"));
  EXPECT_EQ(text, "hello");
}

}  // namespace
}  // namespace cri::image
