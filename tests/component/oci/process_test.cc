// SPDX-License-Identifier: Apache-2.0
// Who a container's process is and what it may do.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/oci.h"

namespace tests {
namespace {

using testing::HasSubstr;

class OciProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string reason = Oci::Missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
  }
};

TEST_F(OciProcessTest, IsAloneInItsNamespaces) {
  Oci oci;
  oci.Script(
      "echo $$; hostname; ip -o link | wc -l; ip -o addr | grep -c "
      "127.0.0.1; ipcs -q | grep -c 0x");
  EXPECT_EQ(oci.Run().out, "1\nboat\n1\n1\n0\n");
}

TEST_F(OciProcessTest, SeesOnlyItsStandardDescriptors) {
  Oci oci;
  // The last one is the directory that ls itself reads.
  oci.config["process"]["args"] = {"ls", "/proc/self/fd"};
  // A descriptor that the caller forgot to close must not arrive.
  int leak = dup(1);
  EXPECT_EQ(oci.Run().out, "0\n1\n2\n3\n");
  close(leak);
}

TEST_F(OciProcessTest, UserGroupsAndUmaskAreExact) {
  struct Row {
    const char* name;
    runtime::Json user;
    const char* expected;
  };
  const Row rows[] = {
      {"root", {{"uid", 0}, {"gid", 0}}, "0 0 0 0022\n"},
      {"user", {{"uid", 1000}, {"gid", 1000}}, "1000 1000 1000 0022\n"},
      {"unknown", {{"uid", 4294967294}, {"gid", 7}}, "4294967294 7 7 0022\n"},
      {"groups",
       {{"uid", 1000}, {"gid", 1000}, {"additionalGids", {5, 6}}},
       "1000 1000 1000 5 6 0022\n"},
      {"umask", {{"uid", 0}, {"gid", 0}, {"umask", 077}}, "0 0 0 0077\n"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Oci oci;
    oci.config["process"]["user"] = row.user;
    oci.Script("echo $(id -u) $(id -g) $(id -G) $(umask)");
    Output output = oci.Run();
    EXPECT_EQ(output.out, row.expected) << output.err;
  }
}

TEST_F(OciProcessTest, HomeComesFromTheContainersPasswd) {
  for (const auto& [uid, home] :
       {std::pair{0, "/root\n"}, {1000, "/home/user\n"}, {77, "/\n"}}) {
    Oci oci;
    oci.config["process"]["user"]["uid"] = uid;
    oci.Script("echo $HOME");
    EXPECT_EQ(oci.Run().out, home);
  }
}

TEST_F(OciProcessTest, AnUnprivilegedUserCanOpenItsStdout) {
  Oci oci;
  oci.config["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
  oci.config["process"]["capabilities"] = runtime::Json::object();
  oci.Script("echo x > /dev/stdout");
  oci.WriteConfig();
  Output output = RunProgram({"sh", "-c",
                              std::string(CORACLE_OCI) + " --root " +
                                  oci.host() + "/state run -b " + oci.bundle() +
                                  " " + oci.id() + " | cat"});
  EXPECT_EQ(output.out, "x\n") << output.err;
}

TEST_F(OciProcessTest, CapabilitiesAreWhatTheConfigSays) {
  Oci oci;
  oci.config["process"]["capabilities"] = {
      {"bounding", {"CAP_NET_RAW", "CAP_KILL"}},
      {"effective", {"CAP_KILL"}},
      {"permitted", {"CAP_KILL"}}};
  oci.config["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
  oci.Script("grep Cap /proc/self/status | tr -d '\\t\\n'");
  // Over exec a user keeps no permitted set without ambient capabilities.
  EXPECT_EQ(oci.Run().out,
            "CapInh:0000000000000000CapPrm:0000000000000000"
            "CapEff:0000000000000000CapBnd:0000000000002020"
            "CapAmb:0000000000000000");
  oci.config["process"]["capabilities"] = {{"bounding", {"CAP_KILL"}},
                                           {"effective", {"CAP_KILL"}},
                                           {"permitted", {"CAP_KILL"}},
                                           {"inheritable", {"CAP_KILL"}},
                                           {"ambient", {"CAP_KILL"}}};
  EXPECT_THAT(oci.Run().out, HasSubstr("CapPrm:0000000000000020"));
}

TEST_F(OciProcessTest, LimitsThatCannotBeSetAreClamped) {
  Oci oci;
  oci.config["process"]["rlimits"] = {
      {{"type", "RLIMIT_NOFILE"}, {"soft", 99}, {"hard", 100}},
      {{"type", "RLIMIT_NPROC"},
       {"soft", 18446744073709551615u},
       {"hard", 18446744073709551615u}}};
  oci.config["process"]["oomScoreAdj"] = -999;
  oci.Script("ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj");
  Output output = oci.Run();
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("99\n100\n"));
  oci.config["process"]["oomScoreAdj"] = 500;
  EXPECT_THAT(oci.Run().out, HasSubstr("\n500\n"));
}

TEST_F(OciProcessTest, SeccompDecidesByNameArgumentAndAge) {
  Oci oci;
  oci.config["linux"]["seccomp"] = {
      {"defaultAction", "SCMP_ACT_ALLOW"},
      {"architectures", {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"}},
      {"syscalls",
       {{{"names", {"mkdir", "mkdirat", "no_such_call"}},
         {"action", "SCMP_ACT_ERRNO"},
         {"errnoRet", 28}}}}};
  oci.Script("grep Seccomp: /proc/self/status; mkdir /tmp/x");
  Output output = oci.Run();
  EXPECT_THAT(output.out, HasSubstr("Seccomp:\t2"));
  EXPECT_THAT(output.err, HasSubstr("No space left on device"));
  // Without no_new_privs the filter goes in while the runtime still may.
  oci.config["process"]["noNewPrivileges"] = false;
  EXPECT_THAT(oci.Run().err, HasSubstr("No space left on device"));
}

TEST_F(OciProcessTest, SysctlsOfOwnNamespacesAreSet) {
  Oci oci;
  oci.config["linux"]["sysctl"] = {{"net.ipv4.ip_unprivileged_port_start", "7"},
                                   {"kernel.msgmax", "4096"}};
  oci.Script(
      "cat /proc/sys/net/ipv4/ip_unprivileged_port_start "
      "/proc/sys/kernel/msgmax");
  EXPECT_EQ(oci.Run().out, "7\n4096\n");
}

TEST_F(OciProcessTest, SignalsHaveTheirDefaultActions) {
  Oci oci;
  oci.Script("grep -E 'SigBlk|SigIgn' /proc/self/status | tr -d '\\t\\n'");
  oci.WriteConfig();
  Output output = RunProgram(
      {"sh", "-c",
       std::string("trap '' PIPE HUP; exec ") + CORACLE_OCI + " --root " +
           oci.host() + "/state run -b " + oci.bundle() + " " + oci.id()});
  EXPECT_EQ(output.out, "SigBlk:0000000000000000SigIgn:0000000000000000");
}

// Opened by the set-up process, which is in no cgroup of the container: a
// device would be opened against its device cgroup, a FIFO would block for
// ever.
TEST_F(OciProcessTest, PasswdThatIsNoFileIsNotOpened) {
  Oci oci;
  const std::string passwd = oci.rootfs() + "/etc/passwd";
  unlink(passwd.c_str());
  ASSERT_EQ(mkfifo(passwd.c_str(), 0644), 0);
  oci.Script("echo $HOME; exec sleep 1000");
  Output output = oci.Start();
  ASSERT_EQ(output.code, 0) << output.err;
  EXPECT_EQ(oci.Exec("echo $HOME").out, "/root\n");
}

TEST_F(OciProcessTest, TheLastPathOfTheEnvironmentCounts) {
  Oci oci;
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  EXPECT_THAT(
      oci.Call({"exec", "--env", "PATH=/nowhere", oci.id(), "echo"}).err,
      HasSubstr("exec echo: executable file not found in $PATH"));
}

}  // namespace
}  // namespace tests
