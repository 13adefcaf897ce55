// SPDX-License-Identifier: Apache-2.0
// The pure parts of agent/pod: back-off, images, credentials, cgroups, logs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/escaping.h"
#include "agent/pod/backoff.h"
#include "agent/pod/cgroup.h"
#include "agent/pod/image_auth.h"
#include "agent/pod/images.h"
#include "agent/pod/resources.h"
#include "agent/pod/security.h"
#include "agent/pod/slices.h"
#include "agent/pod/termination_message.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::pod {
namespace {

using testing::HasSubstr;
using tests::IsOk;

TEST(BackoffTest, FirstRetryIsImmediateThenDoubles) {
  Backoff backoff(absl::Seconds(10), absl::Seconds(300));
  absl::Time now = absl::UnixEpoch() + absl::Hours(1);
  EXPECT_EQ(backoff.RetryAt(now, now), absl::InfinitePast());
  for (int want : {10, 20, 40, 80, 160, 300, 300}) {
    backoff.Next(now, now);
    EXPECT_EQ(backoff.RetryAt(now, now), now + absl::Seconds(want));
  }
  // Ten quiet minutes and it is forgotten.
  now += absl::Minutes(10) + absl::Seconds(1);
  EXPECT_EQ(backoff.RetryAt(now, now), absl::InfinitePast());
  backoff.Next(now, now);
  EXPECT_EQ(backoff.delay(), absl::Seconds(10));
}

TEST(ImagesTest, NormalizesReferences) {
  struct Row {
    const char* given;
    const char* want;  // "" = refused
  } rows[] = {
      {"busybox", "busybox:latest"},
      {"busybox:1.36", "busybox:1.36"},
      {"127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest"},
      {"host:5000/a@sha256:abc", "host:5000/a@sha256:abc"},
      {"Bad Name", ""},
      {"", ""},
      {"a//b", ""},
      {"busybox:", ""},
      {"UPPER", ""},
  };
  for (const Row& row : rows) {
    auto got = NormalizeImage(row.given);
    if (*row.want == '\0') {
      EXPECT_FALSE(got.ok()) << row.given;
      EXPECT_THAT(got.status().message(), HasSubstr("invalid reference"));
    } else {
      ASSERT_THAT(got.status(), IsOk()) << row.given;
      EXPECT_EQ(*got, row.want);
    }
  }
}

TEST(ImagesTest, PolicyFollowsTheTag) {
  EXPECT_EQ(PullPolicy({{"image", "a"}}), "Always");
  EXPECT_EQ(PullPolicy({{"image", "a:latest"}}), "Always");
  EXPECT_EQ(PullPolicy({{"image", "a:1"}}), "IfNotPresent");
  EXPECT_EQ(PullPolicy({{"image", "a"}, {"imagePullPolicy", "Never"}}),
            "Never");
}

Json Secret(const Json& config) {
  return {{"metadata", {{"name", "regcred"}}},
          {"type", "kubernetes.io/dockerconfigjson"},
          {"data", {{".dockerconfigjson", absl::Base64Escape(config.dump())}}}};
}

TEST(CredentialsTest, MostSpecificEntryFirst) {
  Json config = {
      {"auths",
       {{"registry.example", {{"username", "u1"}, {"password", "p1"}}},
        {"https://registry.example/team/",
         {{"auth", absl::Base64Escape("u2:p:2")}}},
        {"other.example", {{"username", "u3"}}}}}};
  std::string problem;
  auto got =
      Credentials(Secret(config), "registry.example/team/app:1", &problem);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].username(), "u2");
  EXPECT_EQ(got[0].password(), "p:2");
  EXPECT_EQ(got[1].username(), "u1");
  EXPECT_EQ(problem, "");
}

TEST(CredentialsTest, HostMustMatchWhole) {
  Json config = {{"auths", {{"registry.example", {{"username", "u"}}}}}};
  std::string problem;
  EXPECT_TRUE(
      Credentials(Secret(config), "registry.example.evil/x", &problem).empty());
  EXPECT_TRUE(
      Credentials(Secret(config), "evil/registry.example", &problem).empty());
}

TEST(CredentialsTest, BrokenSecretSaysWhy) {
  Json secret = Secret(Json::object());
  secret["data"][".dockerconfigjson"] = absl::Base64Escape("{nope");
  std::string problem;
  EXPECT_TRUE(Credentials(secret, "a", &problem).empty());
  EXPECT_THAT(problem, HasSubstr("regcred"));
}

TEST(ResourcesTest, MapsToTheKernel) {
  EXPECT_EQ(CpuShares(0), 2);
  EXPECT_EQ(CpuShares(1000), 1024);
  EXPECT_EQ(CpuShares(1 << 30), 262144);
  EXPECT_EQ(CpuQuota(0), 0);
  EXPECT_EQ(CpuQuota(1), 1000);
  EXPECT_EQ(CpuQuota(500), 50000);
  EXPECT_EQ(CpuWeight(2), 1);
  EXPECT_EQ(CpuWeight(1024), 100);
  EXPECT_EQ(CpuWeight(262144), 10000);
}

Json PodWith(const Json& resources) {
  return {{"spec",
           {{"containers",
             {{{"name", "c"}, {"image", "i"}, {"resources", resources}}}}}}};
}

TEST(ResourcesTest, OomScoreFollowsQos) {
  struct Row {
    Json resources;
    int64_t want;
  } rows[] = {
      {Json::object(), 1000},
      {{{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}}}, -997},
      {{{"requests", {{"memory", "1Gi"}}}}, 750},
      {{{"requests", {{"memory", "1Ki"}}}}, 999},
  };
  for (const Row& row : rows) {
    Json pod = PodWith(row.resources);
    ASSERT_OK_AND_ASSIGN(auto out,
                         ContainerResources(pod, pod["spec"]["containers"][0],
                                            int64_t{4} << 30));
    EXPECT_EQ(out.oom_score_adj(), row.want) << row.resources.dump();
  }
}

TEST(ResourcesTest, PodLimitOnlyIfEveryContainerHasOne) {
  Json pod = PodWith({{"limits", {{"cpu", "500m"}, {"memory", "64Mi"}}}});
  ASSERT_OK_AND_ASSIGN(PodLimits limits, LimitsOfPod(pod));
  EXPECT_EQ(limits.memory, 64 << 20);
  EXPECT_EQ(limits.cpu_quota, 50000);
  EXPECT_EQ(limits.cpu_shares, 512);
  pod["spec"]["containers"].push_back({{"name", "d"}});
  ASSERT_OK_AND_ASSIGN(limits, LimitsOfPod(pod));
  EXPECT_EQ(limits.memory, 0);
  EXPECT_EQ(limits.cpu_quota, 0);
}

TEST(CgroupTest, ReadsHybridAndUnifiedMounts) {
  auto hybrid = ParseCgroupMounts(
      "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
      "99 31 0:39 / /proc rw - proc proc rw\n");
  ASSERT_EQ(hybrid.size(), 3u);
  EXPECT_TRUE(hybrid[0].cpu);
  EXPECT_TRUE(hybrid[1].memory);
  EXPECT_TRUE(hybrid[2].v2);
}

TEST(CgroupTest, PathFollowsQos) {
  const auto cgroups = MakeCgroups("/node1/", {});
  Json pod = PodWith(Json::object());
  pod["metadata"]["uid"] = "u";
  EXPECT_EQ(cgroups->PodPath(pod), "/node1/kubepods/besteffort/podu");
  pod = PodWith({{"requests", {{"cpu", "1"}}}});
  pod["metadata"]["uid"] = "u";
  EXPECT_EQ(cgroups->PodPath(pod), "/node1/kubepods/burstable/podu");
  pod = PodWith({{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}}});
  pod["metadata"]["uid"] = "u";
  EXPECT_EQ(cgroups->PodPath(pod), "/node1/kubepods/podu");
}

TEST(CgroupTest, EndsWhatTheRuntimeLost) {
  tests::TempDir dir;
  CgroupHierarchy v1;
  v1.mount_point = dir.path();
  const auto cgroups = MakeCgroups("/", {v1});
  const std::string lost = dir.path() + "/kubepods/besteffort/podu/lost";
  ASSERT_OK(runtime::MakeDirs(lost, 0755));
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  // Processes outside of the PID namespace are listed as 0: nobody's.
  ASSERT_OK(runtime::WriteFileAtomic(lost + "/cgroup.procs",
                                     absl::StrCat("0\n", child, "\n"), 0644));
  EXPECT_FALSE(cgroups->RemovePod("u").ok());  // the file is no cgroup's
  EXPECT_EQ(kill(child, 0), 0);
  EXPECT_FALSE(EndPod(*cgroups, "u").ok());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  ASSERT_EQ(unlink((lost + "/cgroup.procs").c_str()), 0);
  EXPECT_OK(EndPod(*cgroups, "u"));
  EXPECT_THAT(cgroups->Existing(), testing::IsEmpty());
}

TEST(SliceTest, PathFollowsQos) {
  CgroupHierarchy v2;
  v2.mount_point = "/none";
  v2.v2 = true;
  CgroupSettings settings;
  settings.systemd = true;
  const auto cgroups = MakeCgroups("/", {v2}, settings);
  Json pod = PodWith(Json::object());
  pod["metadata"]["uid"] = "1-2";
  EXPECT_EQ(cgroups->PodPath(pod),
            "/kubepods.slice/kubepods-besteffort.slice/"
            "kubepods-besteffort-pod1_2.slice");
  pod = PodWith({{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}}});
  pod["metadata"]["uid"] = "1-2";
  EXPECT_EQ(cgroups->PodPath(pod), "/kubepods.slice/kubepods-pod1_2.slice");
}

TEST(SliceTest, NamesHaveTheRootsLevelsFirst) {
  EXPECT_EQ(SliceName("/", {"kubepods"}), "kubepods.slice");
  EXPECT_EQ(SliceName("", {"kubepods", "burstable"}),
            "kubepods-burstable.slice");
  EXPECT_EQ(SliceName("/my-node/x", {"kubepods", "pod1-2"}),
            "my_node-x-kubepods-pod1_2.slice");
}

TEST(SliceTest, LimitsAreSystemds) {
  using runtime::systemd::kInfinity;
  using runtime::systemd::Property;
  auto value = [](const PodLimits& limits, bool v2, const std::string& name) {
    for (const Property& property : SliceProperties(limits, v2)) {
      if (property.name == name) return std::get<uint64_t>(property.value);
    }
    return uint64_t{0};
  };
  PodLimits limits;
  limits.cpu_shares = 1024;
  limits.cpu_quota = 12345;  // of 100000: 12.345 %
  limits.memory = 1 << 20;
  limits.pids = 10;
  EXPECT_EQ(value(limits, true, "MemoryMax"), 1u << 20);
  EXPECT_EQ(value(limits, true, "CPUQuotaPerSecUSec"), 130000u);
  EXPECT_EQ(value(limits, true, "TasksMax"), 10u);
  EXPECT_EQ(value(limits, true, "CPUWeight"), 100u);
  EXPECT_EQ(value(limits, true, "CPUShares"), 0u);
  EXPECT_EQ(value(limits, false, "MemoryLimit"), 1u << 20);
  EXPECT_EQ(value(limits, false, "CPUShares"), 1024u);
  EXPECT_EQ(value(PodLimits(), true, "MemoryMax"), kInfinity);
  EXPECT_EQ(value(PodLimits(), true, "CPUQuotaPerSecUSec"), kInfinity);
  EXPECT_EQ(value(PodLimits(), true, "TasksMax"), kInfinity);
}

TEST(TerminationMessageTest, TailsTheLogAndJoinsPartialLines) {
  std::string log =
      "2026-01-01T00:00:00.000000000Z stdout F one\n"
      "2026-01-01T00:00:00.000000000Z stderr P tw\n"
      "2026-01-01T00:00:00.000000000Z stderr F o\n";
  EXPECT_EQ(TailOfLog(log, 80, 2048), "one\ntwo\n");
  EXPECT_EQ(TailOfLog(log, 2, 2048), "two\n");
  EXPECT_EQ(TailOfLog(log, 80, 4), "two\n");
}

TEST(SecurityTest, RunAsNonRootIsChecked) {
  Json pod = PodWith(Json::object());
  pod["metadata"] = {{"name", "p"}, {"namespace", "n"}, {"uid", "u"}};
  pod["spec"]["securityContext"] = {{"runAsNonRoot", true}};
  auto specs = status::Containers(pod);
  v1::Image image;
  auto check = [&] {
    return ContainerSecurity(pod, status::Containers(pod)[0], image, "/k")
        .status();
  };
  EXPECT_THAT(check().message(), HasSubstr("image will run as root"));
  image.set_username("nobody");
  EXPECT_THAT(check().message(), HasSubstr("non-numeric user (nobody)"));
  image.clear_username();
  image.mutable_uid()->set_value(1000);
  EXPECT_THAT(check(), IsOk());
  pod["spec"]["containers"][0]["securityContext"] = {{"runAsUser", 0}};
  EXPECT_THAT(check().message(), HasSubstr("breaks non-root policy"));
}

TEST(SecurityTest, ContainerOverridesPod) {
  Json pod = PodWith(Json::object());
  pod["spec"]["securityContext"] = {
      {"runAsUser", 1}, {"fsGroup", 7}, {"supplementalGroups", {5}}};
  pod["spec"]["containers"][0]["securityContext"] = {
      {"runAsUser", 2},
      {"allowPrivilegeEscalation", false},
      {"capabilities", {{"drop", {"ALL"}}}},
      {"seccompProfile",
       {{"type", "Localhost"}, {"localhostProfile", "p.json"}}}};
  ASSERT_OK_AND_ASSIGN(
      auto out,
      ContainerSecurity(pod, status::Containers(pod)[0], v1::Image(), "/k"));
  EXPECT_EQ(out.run_as_user().value(), 2);
  EXPECT_TRUE(out.no_new_privs());
  EXPECT_THAT(out.supplemental_groups(), testing::ElementsAre(5, 7));
  EXPECT_THAT(out.capabilities().drop_capabilities(),
              testing::ElementsAre("ALL"));
  EXPECT_EQ(out.seccomp().localhost_ref(), "/k/seccomp/p.json");
  EXPECT_GT(out.masked_paths_size(), 5);
}

TEST(SecurityTest, AppArmorIsAskedForOnlyByThePod) {
  Json pod = PodWith(Json::object());
  auto profile = [&] {
    return ContainerSecurity(pod, status::Containers(pod)[0], v1::Image(), "/k")
        .value();
  };
  EXPECT_FALSE(profile().has_apparmor());
  pod["spec"]["securityContext"]["appArmorProfile"] = {
      {"type", "RuntimeDefault"}};
  EXPECT_EQ(profile().apparmor().profile_type(),
            v1::SecurityProfile::RuntimeDefault);
  pod["spec"]["containers"][0]["securityContext"]["appArmorProfile"] = {
      {"type", "Localhost"}, {"localhostProfile", "mine"}};
  EXPECT_EQ(profile().apparmor().localhost_ref(), "mine");
}

TEST(SecurityTest, OnlySafeSysctls) {
  Json pod = PodWith(Json::object());
  auto with = [&](const char* name) {
    pod["spec"]["securityContext"]["sysctls"] = {
        {{"name", name}, {"value", "1"}}};
    return UnsafeSysctl(pod);
  };
  EXPECT_EQ(with("net.ipv4.tcp_syncookies"), "");
  EXPECT_EQ(with("net/ipv4/tcp_syncookies"), "");
  EXPECT_EQ(with("kernel.msgmax"), "kernel.msgmax");
  pod["spec"]["hostNetwork"] = true;
  EXPECT_EQ(with("net.ipv4.tcp_syncookies"), "net.ipv4.tcp_syncookies");
}

}  // namespace
}  // namespace agent::pod
