// SPDX-License-Identifier: Apache-2.0
// Pods with a user namespace of their own.
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/component/hold/pod_fixture.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

using ::runtime::ContainerPhase;
using ::runtime::Json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint32_t kHostRoot = 196608;

class UserNamespacePodTest : public PodTest {
 protected:
  void SetUp() override {
    PodTest::SetUp();
    if (IsSkipped()) return;
    runtime::HandlerFeatures features = handler_->Features("");
    if (!features.user_namespaces) {
      GTEST_SKIP() << features.no_user_namespaces;
    }
  }

  runtime::SandboxState StartUserPod(const std::string& id, bool share_pid) {
    runtime::ns::IdMaps maps;
    maps.uids = maps.gids = {{0, kHostRoot, 65536}};
    return StartSandbox(id, share_pid, maps);
  }

  Json UserConfig(const std::string& id, const std::string& script) {
    Json config = Config(id, script);
    Json map = Json::array(
        {{{"containerID", 0}, {"hostID", kHostRoot}, {"size", 65536}}});
    config["linux"]["uidMappings"] = config["linux"]["gidMappings"] = map;
    config["mounts"].push_back({{"destination", "/sys"},
                                {"type", "sysfs"},
                                {"source", "sysfs"},
                                {"options", {"ro"}}});
    return config;
  }

  void RunUser(const std::string& sandbox, const std::string& id,
               const Json& config) {
    ASSERT_THAT(Create(sandbox, id, config), IsOk());
    ASSERT_THAT(handler_->StartContainer(sandbox, id), IsOk());
  }
};

std::string OwnerOf(pid_t pid, const char* what) {
  struct stat info {};
  std::string path = absl::StrCat("/proc/", pid, what);
  if (stat(path.c_str(), &info) != 0) return "missing";
  return absl::StrCat(info.st_uid);
}

TEST_F(UserNamespacePodTest, ContainersAreRootOfItAndOfThePodsNamespaces) {
  runtime::SandboxState sandbox = StartUserPod("s", false);
  // That /sys can be mounted shows that the network namespace is the pod's.
  RunUser("s", "c",
          UserConfig("c",
                     "id; tail /proc/self/uid_map; hostname other && hostname; "
                     "cat /proc/sys/kernel/shm_rmid_forced "
                     "/proc/sys/net/ipv4/ip_unprivileged_port_start; "
                     "ls /sys/class/net; ls -ld /bin; echo x >/new; "
                     "ls -l /new"));
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 0)
      << Log("c");
  std::string log = Log("c");
  EXPECT_THAT(log, HasSubstr("uid=0 gid=0"));
  EXPECT_THAT(log, HasSubstr("196608"));
  // What `hostname` says on the other stream may stand between them.
  for (const char* line : {"stdout F 1\n", "stdout F 7\n", "stdout F lo\n"}) {
    EXPECT_THAT(log, HasSubstr(line));
  }
  // The layers belong to the host's root and are shown as the container's.
  EXPECT_THAT(log, testing::ContainsRegex("drwx[^\n]* 0 +0 [^\n]*/bin"));
  EXPECT_THAT(log, testing::ContainsRegex("-rw[^\n]* 0 +0 [^\n]*/new"));
  struct stat made {};
  ASSERT_EQ(stat((dir_ + "/c/c/upper/new").c_str(), &made), 0);
  EXPECT_EQ(made.st_uid, kHostRoot) << "host's owner in the upper directory";
  EXPECT_EQ(OwnerOf(sandbox.holder_pid, ""), "0") << "the holder is the host's";
}

TEST_F(UserNamespacePodTest, TwoContainersShareItAndItsPidNamespace) {
  runtime::SandboxState sandbox = StartUserPod("s", true);
  ASSERT_GT(sandbox.pause_pid, 0);
  Json first = UserConfig("a", "exec sleep 1000");
  first["linux"]["namespaces"] = {{{"type", "mount"}}};
  RunUser("s", "a", first);
  Json second = UserConfig(
      "b", "cat /proc/1/comm; readlink /proc/self/ns/user >/ns; ps ax");
  second["linux"]["namespaces"] = {{{"type", "mount"}}};
  RunUser("s", "b", second);
  EXPECT_EQ(news_->Await("b", ContainerPhase::kExited).exit_code, 0);
  EXPECT_THAT(Log("b"), HasSubstr("stdout F pause\n"));
  EXPECT_THAT(Log("b"), HasSubstr("sleep 1000"));
  auto uid_map =
      runtime::ReadFile(absl::StrCat("/proc/", sandbox.pause_pid, "/uid_map"));
  ASSERT_THAT(uid_map, IsOk());
  EXPECT_THAT(*uid_map, HasSubstr("196608"));
  auto status =
      runtime::ReadFile(absl::StrCat("/proc/", sandbox.pause_pid, "/status"));
  ASSERT_THAT(status, IsOk());
  EXPECT_THAT(*status, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(*status, HasSubstr("Uid:\t196608"));
}

TEST_F(UserNamespacePodTest, ExecAndAFreshDaemonWorkAsElsewhere) {
  StartUserPod("s", false);
  RunUser("s", "c", UserConfig("c", "exec sleep 1000"));
  Restart();
  ASSERT_EQ(found_.size(), 1u);
  runtime::ExecOptions options;
  options.args = {"/bin/sh", "-c",
                  "id -u; cat /proc/self/uid_map; echo again >/dev/stdout"};
  auto result = handler_->ExecSync("s", "c", options);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_code, 0) << result->standard_error;
  EXPECT_THAT(result->standard_output, HasSubstr("0\n"));
  EXPECT_THAT(result->standard_output, HasSubstr("196608"));
  EXPECT_THAT(result->standard_output, HasSubstr("again\n"));
}

// The cgroup is the one that the config names, below the pod's: a user
// namespace changes nothing about it.
TEST_F(UserNamespacePodTest, Cve2025_47291_CgroupIsThePods) {
  StartUserPod("s", false);
  RunUser("s", "c", UserConfig("c", "exec sleep 1000"));
  auto state = handler_->GetContainer("s", "c");
  ASSERT_THAT(state, IsOk());
  auto cgroup =
      runtime::ReadFile(absl::StrCat("/proc/", state->pid, "/cgroup"));
  ASSERT_THAT(cgroup, IsOk());
  EXPECT_THAT(*cgroup,
              HasSubstr(absl::StrCat(":/", name_, "/", name_, "-c-c")));
}

TEST_F(UserNamespacePodTest, MappingsThatTheKernelRefusesAreTheReason) {
  runtime::SandboxOptions options;
  options.id = "bad";
  options.id_maps.uids = options.id_maps.gids = {{0, 1000, 10}, {5, 2000, 10}};
  sandboxes_.push_back("bad");
  EXPECT_THAT(handler_->StartSandbox(options).status(), Not(IsOk()));
  EXPECT_TRUE(LeftProcesses().empty());
}

}  // namespace
}  // namespace tests
