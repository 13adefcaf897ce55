// SPDX-License-Identifier: Apache-2.0
// The store through its public interface, fed from OCI layouts on disk.
#include <sys/stat.h>
#include <unistd.h>

#include "cri/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cri/image/image_builder.h"

namespace cri::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "layers need root (owners, whiteouts)";
    Reopen();
  }
  void Reopen() {
    store_.reset();
    auto store = OpenImageStore({dir_ / "root", "", 3});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  std::string LayoutDir(const std::string& name) { return dir_ / name; }

  tests::TempDir dir_;
  std::unique_ptr<ImageStore> store_;
};

TEST_F(StoreTest, ImportsAnOciLayoutAndFindsItByEveryName) {
  ImageBuilder builder;
  builder.AddLayer({Dir("etc"), File("etc/passwd", "root:x:0:0::/:/bin/sh\n")})
      .AddLayer({File("etc/motd", "hello")}, ImageBuilder::kZstd);
  builder.Write(LayoutDir("a"), "busybox:1.37");
  auto images = store_->Import(LayoutDir("a"), "");
  ASSERT_TRUE(images.ok()) << images.status();
  ASSERT_EQ(images->size(), 1u);
  const Image& image = *images->front();
  EXPECT_EQ(image.id, builder.Id());
  EXPECT_THAT(image.repo_tags, ElementsAre("docker.io/library/busybox:1.37"));
  EXPECT_EQ(image.layer_dirs.size(), 2u);
  for (const std::string& name :
       {std::string("busybox:1.37"), image.id, image.id.substr(7),
        image.id.substr(7, 12), image.id.substr(0, 15),
        "docker.io/library/busybox@" + builder.ManifestDigest()}) {
    EXPECT_NE(store_->Find(name), nullptr) << name;
  }
  EXPECT_EQ(store_->Find("busybox"), nullptr);
  auto text = store_->ReadFile(image, "/etc/passwd", 1 << 20);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(text->value_or(""), HasSubstr("root"));
  Reopen();
  EXPECT_NE(store_->Find("busybox:1.37"), nullptr);
}

}  // namespace
}  // namespace cri::image
