// SPDX-License-Identifier: Apache-2.0
// A fixture whose mounts nobody else sees: its own mount namespace, a directory
// of its own, a manager in it.
#ifndef CORACLE_TESTS_COMPONENT_AGENT_VOLUME_SANDBOX_H_
#define CORACLE_TESTS_COMPONENT_AGENT_VOLUME_SANDBOX_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/volume/manager.h"
#include "agent/volume/mount.h"
#include "runtime/base/file.h"
#include "tests/support/fake_object_source.h"
#include "tests/support/status_matchers.h"

namespace agent::volume {

class VolumeSandbox : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount("", "/", "", MS_REC | MS_PRIVATE, nullptr), 0);
    std::string pattern = "/tmp/coracle-volume-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    ASSERT_EQ(chmod(root_.c_str(), 0755), 0);
    Restart();
  }
  void TearDown() override {
    if (root_.empty()) return;
    EXPECT_THAT(DetachBelow(root_), tests::IsOk());
    EXPECT_THAT(runtime::RemoveTree(root_), tests::IsOk());
  }
  // What a new process knows: nothing.
  void Restart() {
    Options options;
    options.kubelet_dir = root_ + "/kubelet";
    options.objects = &source_;
    options.node = {"node-1", {"10.0.0.1"}, Json{{"memory", "64Mi"}}};
    manager_ = MakeManager(options);
  }
  static Json Pod(const std::string& volumes, const std::string& more = "") {
    return Json::parse(absl::StrCat(
        R"({"metadata":{"name":"p","namespace":"shop","uid":"u-1"},)",
        R"("spec":{"containers":[{"name":"c"}],"volumes":)", volumes, more,
        "}}"));
  }
  std::string PodDirectory() const { return root_ + "/kubelet/pods/u-1"; }
  static mode_t Mode(const std::string& path) {
    struct stat st;
    return lstat(path.c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
  }
  size_t Mounts() const {
    auto table = runtime::ReadFile("/proc/self/mountinfo");
    return MountPointsBelow(*table, root_).size();
  }

  std::string root_;
  object::FakeSource source_;
  std::unique_ptr<Manager> manager_;
};

}  // namespace agent::volume

#endif  // CORACLE_TESTS_COMPONENT_AGENT_VOLUME_SANDBOX_H_
