// SPDX-License-Identifier: Apache-2.0
#include "runtime/path/root.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/path/proc.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime::path {
namespace {

using testing::IsEmpty;
using tests::StatusIs;

class RootTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(MakeDirs(dir_ / "root/real"));
    ASSERT_OK(MakeDirs(dir_ / "outside"));
    absl::StatusOr<Root> root = Root::Open(dir_ / "root");
    ASSERT_OK(root);
    root_.emplace(*std::move(root));
  }
  void Link(const std::string& target, const std::string& name) {
    ASSERT_EQ(symlink(target.c_str(), (dir_ / ("root/" + name)).c_str()), 0);
  }
  bool IsAt(const UniqueFd& fd, const std::string& path) {
    struct stat a, b;
    return fstat(fd.get(), &a) == 0 && stat((dir_ / path).c_str(), &b) == 0 &&
           a.st_ino == b.st_ino;
  }

  tests::TempDir dir_;
  std::optional<Root> root_;
};

TEST_F(RootTest, EveryWayOutLeadsBackIn) {
  Link("/real", "absolute");
  Link("../../../../real", "dots");
  Link("/absolute", "twice");
  for (const char* path : {"/real", "real", "/absolute", "dots", "twice",
                           "/../../real", "/real/../../real"}) {
    absl::StatusOr<UniqueFd> fd = root_->OpenAt(path, O_PATH);
    ASSERT_OK(fd) << path;
    EXPECT_TRUE(IsAt(*fd, "root/real")) << path;
  }
}

TEST_F(RootTest, MakesMissingDirectoriesInside) {
  Link("/not/there/yet", "dangling");
  Link((dir_ / "outside").c_str(), "host");
  for (const auto& [path, made] : {std::pair{"a/b/c", "root/a/b/c"},
                                   {"dangling/x", "root/not/there/yet/x"},
                                   {"dangling", "root/not/there/yet"}}) {
    absl::StatusOr<UniqueFd> fd = root_->MakeDirs(path);
    ASSERT_OK(fd) << path;
    EXPECT_TRUE(IsAt(*fd, made)) << path;
  }
  // An absolute link to a host path means that path inside the root.
  ASSERT_OK(root_->MakeDirs("host/x"));
  EXPECT_THAT(ListDir(dir_ / "outside").value(), IsEmpty());
}

TEST_F(RootTest, MakesFilesInside) {
  Link("/new/file", "dangling");
  for (const auto& [path, made] : {std::pair{"x/y", "root/x/y"},
                                   {"dangling", "root/new/file"},
                                   {"x/y", "root/x/y"}}) {
    absl::StatusOr<UniqueFd> fd = root_->MakeFile(path);
    ASSERT_OK(fd) << path;
    EXPECT_TRUE(IsAt(*fd, made)) << path;
  }
}

TEST_F(RootTest, LoopsAndRefusedLinksAreErrors) {
  Link("loop", "loop");
  EXPECT_THAT(root_->OpenAt("loop/x", O_PATH),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_FALSE(root_->MakeDirs("loop/x").ok());
  EXPECT_FALSE(root_->MakeFile("loop").ok());
  Link("/real", "link");
  EXPECT_FALSE(root_->OpenAt("link", O_PATH, 0, Root::Links::kRefuse).ok());
  EXPECT_FALSE(root_->MakeDirs("link/x", 0755, Root::Links::kRefuse).ok());
  Link("/nowhere", "dangling");
  EXPECT_FALSE(root_->MakeDirs("dangling", 0755, Root::Links::kRefuse).ok());
}

TEST_F(RootTest, MagicLinksAreNotFollowed) {
  absl::StatusOr<Root> proc = Root::Open("/proc");
  ASSERT_OK(proc);
  EXPECT_FALSE(proc->OpenAt("self/root", O_PATH | O_DIRECTORY).ok());
  EXPECT_FALSE(proc->OpenAt("self/fd/0", O_RDONLY).ok());
}

TEST_F(RootTest, ARacerGainsNothing) {
  ASSERT_OK(MakeDirs(dir_ / "root/swap"));
  Link((dir_ / "outside").c_str(), "other");
  std::string a = dir_ / "root/swap", b = dir_ / "root/other";
  std::atomic<bool> stop = false;
  std::thread racer([&] {
    while (!stop) {
      renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
    }
  });
  for (int i = 0; i < 3000; ++i) {
    root_->MakeDirs("swap/deep/er").IgnoreError();
    root_->MakeFile("swap/file").IgnoreError();
  }
  stop = true;
  racer.join();
  EXPECT_THAT(ListDir(dir_ / "outside").value(), IsEmpty());
}

// As two creates with one log directory do.
TEST_F(RootTest, OfTwoMakersOfOnePathBothSucceed) {
  constexpr int kRounds = 300;
  absl::Status failed[2];
  std::barrier round(2);
  const auto make = [&](absl::Status* result) {
    for (int i = 0; i < kRounds; ++i) {
      const std::string top = absl::StrCat("top", i);
      round.arrive_and_wait();
      result->Update(root_->MakeDirs(top + "/a/b").status());
      result->Update(root_->MakeFile(top + "/a/b/file").status());
    }
  };
  std::thread other(make, &failed[0]);
  make(&failed[1]);
  other.join();
  EXPECT_OK(failed[0]);
  EXPECT_OK(failed[1]);
}

TEST(ProcTest, OpensFilesOfProcfsOnly) {
  ASSERT_OK_AND_ASSIGN(Proc proc, Proc::Open());
  EXPECT_OK(proc.OpenAt("self/status", O_RDONLY));
  EXPECT_FALSE(proc.OpenAt("../etc/passwd", O_RDONLY).ok());
  EXPECT_FALSE(proc.OpenAt("self/root/etc/passwd", O_RDONLY).ok());
  EXPECT_FALSE(proc.OpenAt("self/cwd", O_RDONLY).ok());
}

}  // namespace
}  // namespace runtime::path
