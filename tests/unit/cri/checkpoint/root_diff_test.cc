// SPDX-License-Identifier: Apache-2.0
#include "cri/checkpoint/root_diff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
using ::tests::StatusIs;

class RootDiffTest : public ::testing::Test {
 protected:
  RootDiffTest() {
    layers_.upper = dir_ / "upper";
    EXPECT_OK(runtime::MakeDirs(layers_.upper));
  }
  std::string Up(const std::string& name) { return layers_.upper + "/" + name; }
  void Put(const std::string& path, const std::string& text = "x") {
    EXPECT_OK(runtime::MakeDirs(path.substr(0, path.rfind('/'))));
    EXPECT_OK(runtime::WriteFileAtomic(path, text, 0644));
  }
  void Whiteout(const std::string& path) {
    EXPECT_OK(runtime::MakeDirs(path.substr(0, path.rfind('/'))));
    EXPECT_EQ(mknod(path.c_str(), S_IFCHR, makedev(0, 0)), 0);
  }
  bool MakeOpaque(const std::string& path) {
    EXPECT_OK(runtime::MakeDirs(path));
    return setxattr(path.c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0;
  }
  // What is gone; the rest is unpacked to out/.
  absl::StatusOr<std::vector<std::string>> Take() {
    const std::string tar = dir_ / "diff.tar";
    const runtime::UniqueFd file =
        *runtime::OpenFile(tar, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ArchiveWriter archive =
        *ArchiveWriter::Open(file.get(), [this] { return check_; });
    const auto gone = WriteRootDiff(layers_, archive);
    if (!gone.ok()) return gone;
    EXPECT_OK(archive.Close());
    EXPECT_EQ(std::system(absl::StrCat("mkdir ", Out(""), " && tar -xpf ", tar,
                                       " -C ", Out(""))
                              .c_str()),
              0);
    return gone;
  }
  std::string Out(const std::string& name) { return dir_ / ("out/" + name); }
  struct stat StatOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  tests::TempDir dir_;
  RootLayers layers_;
  absl::Status check_;
};

TEST_F(RootDiffTest, FilesKeepWhatTheyAre) {
  Put(Up("etc/file"), std::string(300000, 'y'));
  ASSERT_EQ(chmod(Up("etc/file").c_str(), 04751), 0);
  ASSERT_EQ(chown(Up("etc").c_str(), 1234, 56), 0);
  ASSERT_EQ(symlink("/etc/file", Up("link").c_str()), 0);
  ASSERT_EQ(link(Up("etc/file").c_str(), Up("second").c_str()), 0);
  ASSERT_EQ(mkfifo(Up("fifo").c_str(), 0600), 0);
  EXPECT_THAT(*Take(), ElementsAre());
  EXPECT_EQ(*runtime::ReadFile(Out("etc/file")), std::string(300000, 'y'));
  EXPECT_EQ(StatOf(Out("etc/file")).st_mode & 07777, 04751u);
  EXPECT_EQ(StatOf(Out("etc")).st_uid, 1234u);
  EXPECT_EQ(StatOf(Out("etc")).st_gid, 56u);
  EXPECT_TRUE(S_ISLNK(StatOf(Out("link")).st_mode));
  EXPECT_EQ(StatOf(Out("second")).st_ino, StatOf(Out("etc/file")).st_ino);
  EXPECT_TRUE(S_ISFIFO(StatOf(Out("fifo")).st_mode));
}

TEST_F(RootDiffTest, WhiteoutsAreWhatIsGone) {
  Whiteout(Up("etc/group"));
  Whiteout(Up("srv"));
  Put(Up("etc/kept"));
  EXPECT_THAT(*Take(), UnorderedElementsAre("/etc/group", "/srv"));
  EXPECT_TRUE(runtime::Exists(Out("etc/kept")));
  EXPECT_FALSE(runtime::Exists(Out("etc/group")));
}

TEST_F(RootDiffTest, AReplacedDirectoryHidesWhatTheImageHasThere) {
  layers_.lowers = {dir_ / "high", dir_ / "low", dir_ / "lowest"};
  Put(dir_ / "high/etc/a");
  Whiteout(dir_ / "high/etc/c");
  Put(dir_ / "low/etc/b");
  Put(dir_ / "low/etc/c");
  if (!MakeOpaque(dir_ / "low/etc") || !MakeOpaque(Up("etc"))) {
    GTEST_SKIP() << "no trusted attributes in " << dir_.path();
  }
  Put(dir_ / "lowest/etc/hidden-by-low");
  Put(Up("etc/a"), "new");
  EXPECT_THAT(*Take(), ElementsAre("/etc/b"));
  EXPECT_EQ(*runtime::ReadFile(Out("etc/a")), "new");
}

TEST_F(RootDiffTest, AReplacedDirectoryNeedsTheImage) {
  if (!MakeOpaque(Up("etc"))) {
    GTEST_SKIP() << "no trusted attributes in " << dir_.path();
  }
  EXPECT_THAT(Take(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               ::testing::HasSubstr("/etc")));
}

TEST_F(RootDiffTest, MountPointsAreLeftOut) {
  layers_.mount_points = {"/data", "/etc/hosts"};
  Put(Up("data/file"));
  Put(Up("etc/hosts"));
  Put(Up("etc/other"));
  EXPECT_THAT(*Take(), ElementsAre());
  EXPECT_FALSE(runtime::Exists(Out("data")));
  EXPECT_FALSE(runtime::Exists(Out("etc/hosts")));
  EXPECT_TRUE(runtime::Exists(Out("etc/other")));
}

TEST_F(RootDiffTest, ALinkInTheImageLeadsNowhere) {
  layers_.lowers = {dir_ / "low"};
  Put(dir_ / "secret/name");
  ASSERT_OK(runtime::MakeDirs(dir_ / "low"));
  ASSERT_EQ(symlink((dir_ / "secret").c_str(), (dir_ / "low/etc").c_str()), 0);
  if (!MakeOpaque(Up("etc"))) {
    GTEST_SKIP() << "no trusted attributes in " << dir_.path();
  }
  EXPECT_THAT(*Take(), ElementsAre());
}

TEST_F(RootDiffTest, ATreeThatIsTooDeepIsAnError) {
  std::string path = layers_.upper;
  for (int i = 0; i < 510; ++i) path += "/d";
  ASSERT_OK(runtime::MakeDirs(path));
  EXPECT_THAT(Take(), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(RootDiffTest, EndsWhenTimeIsUp) {
  Put(Up("file"));
  check_ = absl::DeadlineExceededError("late");
  EXPECT_THAT(Take(), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace cri::checkpoint
