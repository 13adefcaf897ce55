// SPDX-License-Identifier: Apache-2.0
// A store in a temporary directory, fed from OCI layouts.
#ifndef CORACLE_TESTS_UNIT_CRI_IMAGE_STORE_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_IMAGE_STORE_FIXTURE_H_

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cri/image/image.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cri/image/image_builder.h"

namespace cri::image {

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "layers need root (owners, whiteouts)";
    Reopen();
  }
  void Reopen() {
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, OpenImageStore({dir_ / "root", "", 3}));
  }
  std::vector<std::string> Room(const std::string& name) {
    auto names = runtime::ListDir(dir_ / ("root/images/" + name));
    EXPECT_OK(names);
    return names.ok() ? *names : std::vector<std::string>{};
  }
  // Imports an image with a base layer that all have and one of its own.
  ImagePtr Import(const std::string& name) {
    ImageBuilder builder;
    builder.AddLayer({Dir("bin"), File("bin/sh", "#!", 0755)});
    builder.AddLayer({File("marker", name)});
    const std::string layout = dir_ / absl::StrCat("layout", layouts_++);
    builder.Write(layout, name);
    auto images = store_->Import(layout, "");
    EXPECT_OK(images);
    return images.ok() ? images->front() : nullptr;
  }

  tests::TempDir dir_;
  int layouts_ = 0;
  std::unique_ptr<ImageStore> store_;
};

}  // namespace cri::image

#endif  // CORACLE_TESTS_UNIT_CRI_IMAGE_STORE_FIXTURE_H_
