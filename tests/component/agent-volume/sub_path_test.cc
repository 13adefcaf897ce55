// SPDX-License-Identifier: Apache-2.0
// subPath mounts against a pod that plays with symlinks.
#include "agent/volume/sub_path.h"

#include <fcntl.h>
#include <stdio.h>

#include <atomic>
#include <thread>

#include "tests/component/agent-volume/sandbox.h"

namespace agent::volume {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

class SubPathTest : public VolumeSandbox {
 protected:
  void SetUp() override {
    VolumeSandbox::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    volume_ = root_ + "/volume";
    ASSERT_THAT(runtime::MakeDirs(volume_ + "/good", 0777), IsOk());
    ASSERT_THAT(runtime::WriteFileAtomic(volume_ + "/good/mark", "inside"),
                IsOk());
    // the host's own files, which no pod may see
    outside_ = root_ + "/outside";
    ASSERT_THAT(runtime::MakeDirs(outside_, 0755), IsOk());
    ASSERT_THAT(runtime::WriteFileAtomic(outside_ + "/mark", "outside"),
                IsOk());
    target_ = PodDirectory() + "/volume-subpaths/v/c/0";
  }
  absl::Status Bind(const std::string& sub_path) {
    return BindSubPath(volume_, sub_path, target_);
  }
  std::string volume_, outside_, target_;
};

TEST_F(SubPathTest, ShowsTheDirectoryOrTheFile) {
  ASSERT_THAT(Bind("good"), IsOk());
  EXPECT_THAT(runtime::ReadFile(target_ + "/mark"), IsOkAndHolds("inside"));
  ASSERT_THAT(Bind("good"), IsOk());
  EXPECT_EQ(Mounts(), 1u) << "bound twice";
  ASSERT_THAT(Bind("good/mark"), IsOk());
  EXPECT_THAT(runtime::ReadFile(target_), IsOkAndHolds("inside"));
  EXPECT_EQ(Mounts(), 1u);
}

TEST_F(SubPathTest, MakesWhatIsMissingWithTheVolumesMode) {
  ASSERT_EQ(chmod(volume_.c_str(), 0777), 0);
  ASSERT_THAT(Bind("a/b/c"), IsOk());
  EXPECT_EQ(Mode(volume_ + "/a/b/c"), 0777u);
  EXPECT_EQ(Mode(volume_ + "/a"), 0777u);
}

TEST_F(SubPathTest, FollowsSymlinksThatStayInside) {
  ASSERT_EQ(symlink("good", (volume_ + "/link").c_str()), 0);
  ASSERT_EQ(symlink("../good/mark", (volume_ + "/good/up").c_str()), 0);
  ASSERT_THAT(Bind("link"), IsOk());
  EXPECT_THAT(runtime::ReadFile(target_ + "/mark"), IsOkAndHolds("inside"));
  ASSERT_THAT(Bind("good/up"), IsOk());
  EXPECT_THAT(runtime::ReadFile(target_), IsOkAndHolds("inside"));
}

TEST_F(SubPathTest, AtomicWriterVolumesCanBeSubPathed) {
  source_.config_maps["shop/cm"] =
      object::FakeSource::Make(R"({"data":{"a":"1"}})");
  Json pod = Pod(R"([{"name":"c","configMap":{"name":"cm"}}])");
  ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(pod));
  Json container = Json::parse(R"json({"name":"c","volumeMounts":[
    {"name":"c","mountPath":"/a","subPathExpr":"$(KEY)"}]})json");
  ASSERT_OK_AND_ASSIGN(auto mounts, manager_->ContainerMounts(
                                        pod, container, paths, {{"KEY", "a"}}));
  EXPECT_EQ(mounts[0].host_path, PodDirectory() + "/volume-subpaths/c/c/0");
  EXPECT_THAT(runtime::ReadFile(mounts[0].host_path), IsOkAndHolds("1"));
}

TEST_F(SubPathTest, UnmountKeepsWhatTheSubPathShowed) {
  Json pod = Pod(absl::StrCat(R"([{"name":"h","hostPath":{"path":")", outside_,
                              R"("}}])"));
  ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(pod));
  Json container = Json::parse(R"({"name":"c","volumeMounts":[
    {"name":"h","mountPath":"/a","subPath":"."},
    {"name":"h","mountPath":"/b","subPath":"mark"}]})");
  ASSERT_THAT(manager_->ContainerMounts(pod, container, paths, {}), IsOk());
  ASSERT_EQ(Mounts(), 2u);
  Restart();
  ASSERT_THAT(manager_->Unmount("u-1"), IsOk());
  EXPECT_EQ(Mounts(), 0u);
  EXPECT_THAT(runtime::ReadFile(outside_ + "/mark"), IsOkAndHolds("outside"));
}

// Even if a bind could not be detached, taking the tree down must not walk
// into it.
TEST_F(SubPathTest, RemovalNeverDescendsIntoALeaf) {
  ASSERT_THAT(runtime::MakeDirs(target_ + "/deep", 0755), IsOk());
  EXPECT_FALSE(RemoveSubPaths(PodDirectory()).ok());
  EXPECT_TRUE(runtime::Exists(target_ + "/deep"));
}

TEST_F(SubPathTest, Cve2017_1002101_SymlinkOutOfTheVolume) {
  const std::string kTargets[] = {"/",     outside_,          "../outside",
                                  "../..", "/proc/self/root", "/proc/1/root"};
  for (const std::string& to : kTargets) {
    SCOPED_TRACE(to);
    std::string link = volume_ + "/evil";
    unlink(link.c_str());
    ASSERT_EQ(symlink(to.c_str(), link.c_str()), 0);
    EXPECT_THAT(Bind("evil"), StatusIs(absl::StatusCode::kPermissionDenied,
                                       HasSubstr("not within volume path")));
    EXPECT_FALSE(Bind("evil/new/directory").ok());
  }
  EXPECT_EQ(Mounts(), 0u);
  EXPECT_FALSE(runtime::Exists(outside_ + "/new"));
  EXPECT_FALSE(Bind("../outside").ok());
  EXPECT_FALSE(Bind("/etc").ok());
}

// A container exchanges a directory for a symlink while the mount is made.
TEST_F(SubPathTest, Cve2021_25741_ExchangeWhileMounting) {
  ASSERT_EQ(symlink(outside_.c_str(), (volume_ + "/trap").c_str()), 0);
  std::atomic<bool> done{false};
  std::atomic<long> exchanges{0};
  std::string a = volume_ + "/good", b = volume_ + "/trap";
  std::thread racer([&] {
    while (!done) {
      renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
      ++exchanges;
    }
  });
  int inside = 0, refused = 0;
  for (int i = 0; i < 3000; ++i) {
    absl::Status status = Bind(i % 2 == 0 ? "good" : "good/sub");
    if (!status.ok()) {
      ++refused;
      continue;
    }
    ++inside;
    if (i % 2 == 0) {
      EXPECT_THAT(runtime::ReadFile(target_ + "/mark"), IsOkAndHolds("inside"));
    }
    EXPECT_THAT(Detach(target_), IsOk());
  }
  done = true;
  racer.join();
  EXPECT_FALSE(runtime::Exists(outside_ + "/sub"));
  EXPECT_GT(exchanges, 0);
  EXPECT_GT(inside, 0);
  EXPECT_GT(refused, 0) << "the race was never lost: the test shows nothing";
}

}  // namespace
}  // namespace agent::volume
