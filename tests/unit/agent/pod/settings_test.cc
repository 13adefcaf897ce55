// SPDX-License-Identifier: Apache-2.0
// What the node's configuration changes for every pod.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "agent/pod/cgroup.h"
#include "agent/pod/security.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::pod {
namespace {

using tests::IsOk;

Json Pod() {
  return {{"metadata", {{"name", "p"}, {"namespace", "n"}, {"uid", "u"}}},
          {"spec",
           {{"containers",
             Json::array({{{"name", "c"},
                           {"resources", {{"limits", {{"cpu", "1"}}}}}}})}}}};
}

v1::SecurityProfile::ProfileType SeccompOf(const Json& pod, bool by_default) {
  return ContainerSecurity(pod, status::Containers(pod)[0], v1::Image(), "/k",
                           by_default)
      .value()
      .seccomp()
      .profile_type();
}

TEST(SettingsTest, SeccompDefaultIsForWhoAsksForNothing) {
  Json pod = Pod();
  EXPECT_EQ(SeccompOf(pod, false), v1::SecurityProfile::Unconfined);
  EXPECT_EQ(SeccompOf(pod, true), v1::SecurityProfile::RuntimeDefault);
  pod["spec"]["securityContext"]["seccompProfile"] = {{"type", "Unconfined"}};
  EXPECT_EQ(SeccompOf(pod, true), v1::SecurityProfile::Unconfined);
}

TEST(SettingsTest, AllowedSysctlsAreNamesAndPrefixes) {
  Json pod = Pod();
  auto refused = [&](const char* name) {
    pod["spec"]["securityContext"]["sysctls"] = {
        {{"name", name}, {"value", "1"}}};
    return UnsafeSysctl(pod, {"kernel.msg*", "net/core/somaxconn"});
  };
  EXPECT_EQ(refused("kernel.msgmax"), "");
  EXPECT_EQ(refused("net.core.somaxconn"), "");
  EXPECT_EQ(refused("net.core.rmem_max"), "net.core.rmem_max");
  EXPECT_EQ(refused("kernel.shmmax"), "kernel.shmmax");
  // Allowed for the pod's namespaces, never for the node's.
  pod["spec"]["hostNetwork"] = true;
  pod["spec"]["hostIPC"] = true;
  EXPECT_EQ(refused("net.core.somaxconn"), "net.core.somaxconn");
  EXPECT_EQ(refused("kernel.msgmax"), "kernel.msgmax");
}

// Directories that look like cgroup v1 hierarchies.
class CgroupSettingsTest : public testing::Test {
 protected:
  void CreatePod(CgroupSettings settings) {
    CgroupHierarchy cpu, pids;
    cpu.mount_point = dir_.path() + "/cpu";
    cpu.cpu = true;
    pids.mount_point = dir_.path() + "/pids";
    pids.pids = true;
    for (const auto* hierarchy : {&cpu, &pids}) {
      ASSERT_THAT(runtime::MakeDirs(hierarchy->mount_point), IsOk());
    }
    const auto cgroups = MakeCgroups("/", {cpu, pids}, settings);
    const Json pod = Pod();
    // The kernel makes these files; here they must be there to be written.
    for (const char* file :
         {"/cpu.shares", "/cpu.cfs_period_us", "/cpu.cfs_quota_us"}) {
      Touch(cpu.mount_point + cgroups->PodPath(pod), file);
    }
    Touch(pids.mount_point + cgroups->PodPath(pod), "/pids.max");
    ASSERT_THAT(cgroups->CreatePod(pod), IsOk());
  }
  std::string Value(const std::string& hierarchy, const std::string& file) {
    return runtime::ReadFile(absl::StrCat(dir_.path(), "/", hierarchy,
                                          "/kubepods/burstable/podu/", file))
        .value_or("none");
  }

 private:
  static void Touch(const std::string& dir, const char* file) {
    ASSERT_THAT(runtime::MakeDirs(dir), IsOk());
    ASSERT_THAT(runtime::WriteFileAtomic(dir + file, ""), IsOk());
  }
  tests::TempDir dir_;
};

TEST_F(CgroupSettingsTest, PodPidsLimit) {
  CreatePod({100, true});
  EXPECT_EQ(Value("pids", "pids.max"), "100");
}

TEST_F(CgroupSettingsTest, NoLimitOfProcessesUnlessGiven) {
  CreatePod({-1, true});
  EXPECT_EQ(Value("pids", "pids.max"), "");
}

TEST_F(CgroupSettingsTest, CpuLimitsAreEnforcedUnlessTurnedOff) {
  CreatePod({-1, true});
  EXPECT_EQ(Value("cpu", "cpu.cfs_quota_us"), "100000");
}

TEST_F(CgroupSettingsTest, CpuQuotaCanBeTurnedOff) {
  CreatePod({-1, false});
  EXPECT_EQ(Value("cpu", "cpu.cfs_quota_us"), "");
}

}  // namespace
}  // namespace agent::pod
