// SPDX-License-Identifier: Apache-2.0
// Containers with a user namespace, made and entered by the real coracle-oci.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/oci.h"

namespace tests {
namespace {

using runtime::Json;
using testing::HasSubstr;
using testing::Not;

constexpr int kHostRoot = 100000;

class OciUserNamespaceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string reason = Oci::Missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    if (!runtime::Exists("/proc/self/ns/user")) {
      GTEST_SKIP() << "the kernel has no user namespaces";
    }
  }
};

Json Mapping(int host, int size = 65536) {
  return Json::array({{{"containerID", 0}, {"hostID", host}, {"size", size}}});
}

void AddUserNamespace(Oci* oci, int size = 65536) {
  Json& part = oci->config["linux"];
  part["namespaces"].push_back({{"type", "user"}});
  part["uidMappings"] = part["gidMappings"] = Mapping(kHostRoot, size);
  Output chowned = RunProgram(
      {"chown", "-R", absl::StrCat(kHostRoot, ":", kHostRoot), oci->rootfs()});
  ASSERT_EQ(chowned.code, 0) << chowned.err;
}

TEST_F(OciUserNamespaceTest, RootInsideIsNobodyOutside) {
  Oci oci;
  AddUserNamespace(&oci);
  oci.Script(
      "cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; id; "
      "cat /proc/self/setgroups; touch /made; stat -c %u:%g /made");
  Output output = oci.Run();
  EXPECT_THAT(output.out,
              HasSubstr(" 0 100000 65536\n 0 100000 65536\nuid=0(root) gid=0"))
      << output.err;
  EXPECT_THAT(output.out, HasSubstr("allow\n0:0\n"));
  struct stat info {};
  ASSERT_EQ(stat((oci.rootfs() + "/made").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, static_cast<uid_t>(kHostRoot));
}

TEST_F(OciUserNamespaceTest, KernelFilesystemsAreItsOwn) {
  Oci oci;
  AddUserNamespace(&oci);
  oci.config["linux"]["sysctl"] = {{"net.ipv4.ip_forward", "1"},
                                   {"kernel.shm_rmid_forced", "1"},
                                   {"fs.mqueue.msg_max", "17"}};
  oci.Script(
      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced "
      "/proc/sys/fs/mqueue/msg_max; hostname; ls /sys/class/net; "
      "echo hi >/dev/null && head -c 3 /dev/zero | wc -c; ls /dev/mqueue; "
      "ls -d /dev/pts/ptmx; test -d /sys/fs/cgroup && echo cgroup; "
      "cat /proc/keys; echo x 2>/dev/null >/proc/sys/kernel/sysrq || echo no");
  Output output = oci.Run();
  EXPECT_EQ(output.out, "1\n1\n17\nboat\nlo\n3\n/dev/pts/ptmx\ncgroup\nno\n")
      << output.err;
}

TEST_F(OciUserNamespaceTest, GroupsThatItLacksAreLeftOutOfDevpts) {
  Oci oci;
  AddUserNamespace(&oci, 3);
  for (Json& mount : oci.config["mounts"]) {
    if (mount["destination"] == "/dev/pts") mount["options"].push_back("gid=5");
  }
  oci.Script("ls -d /dev/pts/ptmx");
  Output output = oci.Run();
  EXPECT_EQ(output.out, "/dev/pts/ptmx\n") << output.err;
}

TEST_F(OciUserNamespaceTest, VolumesAreMappedIfTheConfigSaysSo) {
  Oci oci;
  AddUserNamespace(&oci);
  ASSERT_TRUE(runtime::MakeDirs(oci.host() + "/mapped").ok());
  ASSERT_TRUE(runtime::MakeDirs(oci.host() + "/other").ok());
  ASSERT_TRUE(runtime::MakeDirs(oci.host() + "/plain").ok());
  oci.Mount("/mapped", "bind", oci.host() + "/mapped", {"rbind", "rw"});
  oci.config["mounts"].back()["uidMappings"] = Mapping(kHostRoot);
  oci.config["mounts"].back()["gidMappings"] = Mapping(kHostRoot);
  oci.Mount("/other", "bind", oci.host() + "/other", {"rbind", "rw"});
  oci.config["mounts"].back()["uidMappings"] = Mapping(kHostRoot + 7);
  oci.config["mounts"].back()["gidMappings"] = Mapping(kHostRoot + 7);
  oci.Mount("/plain", "bind", oci.host() + "/plain", {"rbind", "rw"});
  oci.Script(
      "stat -c '%n %u:%g' /mapped /other /plain; touch /mapped/file; "
      "touch /plain/file");
  Output output = oci.Run();
  if (absl::StrContains(output.err, "does not support ID-mapped mounts")) {
    GTEST_SKIP() << Trim(output.err);  // tmpfs before Linux 6.3
  }
  EXPECT_EQ(output.out, "/mapped 0:0\n/other 7:7\n/plain 65534:65534\n")
      << output.err;
  EXPECT_THAT(output.err, HasSubstr("/plain/file: Permission denied"));
  struct stat info {};
  ASSERT_EQ(stat((oci.host() + "/mapped/file").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u) << "the host's owner";
}

TEST_F(OciUserNamespaceTest, ExecEntersItWithAllOthers) {
  Oci oci;
  AddUserNamespace(&oci);
  oci.Script("while true; do sleep 1; done");
  ASSERT_EQ(oci.Start().code, 0);
  Output output = oci.Exec(
      "id -u; tr -s ' ' </proc/self/uid_map; touch /by-exec; hostname; "
      "ls /sys/class/net");
  EXPECT_EQ(output.out, "0\n 0 100000 65536\nboat\nlo\n") << output.err;
  Output user = oci.Exec("id -u; id -G", {"--user", "1000:1001"});
  EXPECT_EQ(user.out, "1000\n1001\n") << user.err;
}

// A new process must never be seen by the container with what it brings from
// the host: it joins the user namespace first and cannot be traced until it
// execs.
TEST_F(OciUserNamespaceTest,
       Cve2016_9962_ExecCannotBeInspectedInAUserNamespace) {
  Oci oci;
  AddUserNamespace(&oci);
  oci.Script(
      "while true; do for p in /proc/[0-9]*; do "
      "[ $p = /proc/1 ] || { readlink $p/exe; ls $p/fd; } 2>/dev/null; "
      "done | grep -i coracle && echo seen >/leak; done");
  ASSERT_EQ(oci.Start().code, 0);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(oci.Exec("true").code, 0);
  EXPECT_FALSE(runtime::Exists(oci.rootfs() + "/leak"));
}

TEST_F(OciUserNamespaceTest, HooksRunOutsideOfIt) {
  Oci oci;
  AddUserNamespace(&oci);
  std::string file = oci.host() + "/hook";
  oci.config["hooks"]["createRuntime"] = {
      {{"path", "/bin/sh"},
       {"args",
        {"sh", "-c", absl::StrCat("tr -s ' ' </proc/self/uid_map >", file)}}}};
  oci.Script("true");
  Output output = oci.Run();
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(runtime::ReadFile(file).value_or("none"),
              Not(HasSubstr("100000")));
}

TEST_F(OciUserNamespaceTest, AFailingHookIsTheErrorHereToo) {
  Oci oci;
  AddUserNamespace(&oci);
  oci.config["hooks"]["createRuntime"] = {
      {{"path", "/bin/sh"}, {"args", {"sh", "-c", "exit 3"}}}};
  oci.Script("true");
  Output output = oci.Run();
  EXPECT_NE(output.code, 0);
  EXPECT_THAT(output.err, HasSubstr("createRuntime hook /bin/sh"));
  EXPECT_THAT(output.err, HasSubstr("exit code 3"));
}

TEST_F(OciUserNamespaceTest, WithoutMappingsItIsRefused) {
  Oci oci;
  oci.config["linux"]["namespaces"].push_back({{"type", "user"}});
  oci.Script("true");
  Output output = oci.Run();
  EXPECT_NE(output.code, 0);
  EXPECT_THAT(output.err, HasSubstr("linux.uidMappings"));
}

}  // namespace
}  // namespace tests
