// SPDX-License-Identifier: Apache-2.0
// A directory to unpack layers into. Beside the layer's root stands a canary
// directory that nothing may change.
#ifndef CORACLE_TESTS_UNIT_CRI_IMAGE_UNPACK_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_IMAGE_UNPACK_FIXTURE_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "cri/image/unpack.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cri/image/image_builder.h"

namespace cri::image {

class UnpackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "layers need root (owners, devices)";
    ASSERT_OK(runtime::MakeDirs(dir_ / "root"));
    ASSERT_OK(runtime::MakeDirs(dir_ / "canary"));
    ASSERT_OK(runtime::WriteFileAtomic(dir_ / "canary/file", "alive", 0600));
    ASSERT_EQ(lstat((dir_ / "canary/file").c_str(), &canary_), 0);
  }
  void TearDown() override {
    if (getuid() != 0) return;
    struct stat now;
    ASSERT_EQ(lstat((dir_ / "canary/file").c_str(), &now), 0)
        << "the layer removed a file outside of its root";
    EXPECT_EQ(now.st_ino, canary_.st_ino);
    EXPECT_EQ(now.st_mode, canary_.st_mode);
    EXPECT_EQ(now.st_uid, canary_.st_uid);
    EXPECT_EQ(now.st_nlink, canary_.st_nlink);
    EXPECT_EQ(now.st_mtim.tv_nsec, canary_.st_mtim.tv_nsec);
    auto names = runtime::ListDir(dir_ / "canary");
    EXPECT_EQ(names->size(), 1u) << "the layer made files outside of its root";
  }

  absl::StatusOr<UnpackResult> UnpackBytes(const std::string& data,
                                           const UnpackLimits& limits = {},
                                           size_t piece = 10000) {
    auto root = runtime::OpenFile(dir_ / "root", O_RDONLY | O_DIRECTORY);
    size_t at = 0;
    return UnpackLayer(
        [&]() -> absl::StatusOr<absl::string_view> {
          auto part = absl::string_view(data).substr(at, piece);
          at += part.size();
          return part;
        },
        *std::move(root), "sha256", limits);
  }
  absl::StatusOr<UnpackResult> Unpack(const std::vector<TarEntry>& entries) {
    return UnpackBytes(MakeTar(entries));
  }
  struct stat Stat(const std::string& path) {
    struct stat st {};
    EXPECT_EQ(lstat((dir_ / ("root/" + path)).c_str(), &st), 0) << path;
    return st;
  }
  std::string Read(const std::string& path) {
    auto text = runtime::ReadFile(dir_ / ("root/" + path));
    return text.ok() ? *text : std::string(text.status().message());
  }
  bool IsOpaque(const std::string& path) {
    char value[8];
    return getxattr((dir_ / ("root/" + path)).c_str(), "trusted.overlay.opaque",
                    value, sizeof value) == 1;
  }
  std::string Outside() { return dir_ / "canary"; }

  tests::TempDir dir_;
  struct stat canary_ {};
};

}  // namespace cri::image

#endif  // CORACLE_TESTS_UNIT_CRI_IMAGE_UNPACK_FIXTURE_H_
