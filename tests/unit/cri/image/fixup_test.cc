// SPDX-License-Identifier: Apache-2.0
// Images whose layers do not carry the directories they use. What a container
// sees is read through a real overlay mount.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "cri/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cri/image/image_builder.h"

namespace cri::image {
namespace {

using ::testing::SizeIs;

class FixupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (getuid() != 0) GTEST_SKIP() << "overlay mounts need root";
    ASSERT_OK_AND_ASSIGN(store_, OpenImageStore({dir_ / "root", "", 2}));
    ASSERT_OK(runtime::MakeDirs(dir_ / "view"));
  }
  ImagePtr Import(ImageBuilder* builder, const std::string& name) {
    builder->Write(dir_ / name, name + ":1");
    auto images = store_->Import(dir_ / name, "");
    EXPECT_OK(images);
    return images.ok() ? images->front() : nullptr;
  }
  // Runs `look` in a mount namespace of its own where the image is mounted at
  // "view"; true if it returns true.
  bool InView(const Image& image, const std::function<bool()>& look) {
    pid_t child = fork();
    if (child == 0) {
      std::string lower;
      for (const std::string& layer : image.layer_dirs) {
        lower = lower.empty() ? layer : absl::StrCat(layer, ":", lower);
      }
      if (image.layer_dirs.size() == 1)
        absl::StrAppend(&lower, ":", dir_.path());
      const std::string options = absl::StrCat("lowerdir=", lower);
      if (unshare(CLONE_NEWNS) != 0 ||
          mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0 ||
          mount("overlay", (dir_ / "view").c_str(), "overlay", MS_RDONLY,
                options.c_str()) != 0) {
        perror("mount");
        _exit(2);
      }
      _exit(look() ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  bool Has(const std::string& path, mode_t mode, uid_t uid) {
    struct stat st;
    if (lstat((dir_ / ("view/" + path)).c_str(), &st) != 0) return false;
    if (st.st_mode == mode && st.st_uid == uid) return true;
    fprintf(stderr, "%s: mode %o, owner %u\n", path.c_str(), st.st_mode,
            st.st_uid);
    return false;
  }

  tests::TempDir dir_;
  std::unique_ptr<ImageStore> store_;
};

TEST_F(FixupTest, DirectoriesKeepTheAttributesOfLowerLayers) {
  TarEntry home = Dir("home/user", 0700);
  home.uid = 1000;
  ImageBuilder builder;
  builder.AddLayer({Dir("tmp", 01777), Dir("home"), home, Dir("etc")});
  builder.AddLayer(
      {File("tmp/x", "x"), File("home/user/a/b", "b"), File("etc/motd", "m")});
  ImagePtr image = Import(&builder, "attr");
  ASSERT_THAT(image->layer_dirs, SizeIs(3));
  EXPECT_TRUE(InView(*image, [&] {
    return Has("tmp", S_IFDIR | 01777, 0) &&
           Has("home/user", S_IFDIR | 0700, 1000) &&
           Has("home/user/a/b", S_IFREG | 0644, 0) &&
           Has("etc/motd", S_IFREG | 0644, 0);
  }));
  // The same layers on another base need another fix-up, or none.
  ImageBuilder plain;
  plain.AddLayer({Dir("tmp"), Dir("etc")});
  plain.AddLayer(
      {File("tmp/x", "x"), File("home/user/a/b", "b"), File("etc/motd", "m")});
  EXPECT_THAT(Import(&plain, "plain")->layer_dirs, SizeIs(2));
  ASSERT_OK(store_->Remove("attr:1"));
  ASSERT_OK(store_->Remove("plain:1"));
  EXPECT_THAT(*runtime::ListDir(dir_ / "root/images/layers"), SizeIs(0));
}

TEST_F(FixupTest, LinksOfLowerLayersStayAndTheFilesGoWhereTheyLead) {
  ImageBuilder builder;
  builder.AddLayer({Dir("usr"), Dir("usr/lib"), File("usr/lib/libc", "c"),
                    Symlink("lib", "usr/lib"), Dir("run"), Dir("var"),
                    Symlink("var/run", "/run")});
  builder.AddLayer({File("lib/libnew", "new"), File("lib/sub/x", "x"),
                    Dir("var/run/app", 0750), File("var/run/app/pid", "1")});
  ImagePtr image = Import(&builder, "links");
  ASSERT_THAT(image->layer_dirs, SizeIs(3));
  EXPECT_TRUE(InView(*image, [&] {
    return Has("lib", S_IFLNK | 0777, 0) &&
           Has("usr/lib/libc", S_IFREG | 0644, 0) &&
           Has("usr/lib/libnew", S_IFREG | 0644, 0) &&
           Has("usr/lib/sub/x", S_IFREG | 0644, 0) &&
           Has("var/run", S_IFLNK | 0777, 0) &&
           Has("run/app", S_IFDIR | 0750, 0) &&
           Has("run/app/pid", S_IFREG | 0644, 0);
  }));
  ASSERT_OK_AND_ASSIGN(auto text, store_->ReadFile(*image, "/lib/libnew", 99));
  EXPECT_EQ(text.value_or(""), "new");
}

TEST_F(FixupTest, OrdinaryImagesNeedNone) {
  ImageBuilder builder;
  builder.AddLayer({Dir("tmp", 01777), Dir("etc")});
  builder.AddLayer({Dir("tmp", 01777), File("tmp/x", "x"), Dir("etc"),
                    File("etc/y", "y"), File("new/z", "z")});
  EXPECT_THAT(Import(&builder, "plain")->layer_dirs, SizeIs(2));
}

}  // namespace
}  // namespace cri::image
