// SPDX-License-Identifier: Apache-2.0
// Known attacks on a runtime's processes: on the binary itself, on identities,
// capabilities and settings of the host.
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/oci.h"

namespace tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RuntimeProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string reason = Oci::Missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
  }
};

std::string BinaryHash() { return RunProgram({"sha256sum", CORACLE_OCI}).out; }

void GiveAllCapabilities(Oci* oci) {
  const std::vector<std::string> caps = {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE",
                                         "CAP_DAC_OVERRIDE", "CAP_FOWNER",
                                         "CAP_DAC_READ_SEARCH"};
  oci->config["process"]["capabilities"] = {
      {"bounding", caps}, {"effective", caps}, {"permitted", caps}};
}

TEST_F(RuntimeProcessTest, Cve2016_9962_ExecIsInvisibleBeforeItDropped) {
  Oci oci;
  // Without CAP_SYS_PTRACE nothing of a process on its way in can be opened.
  oci.Script(
      "while true; do for p in /proc/[0-9]*; do l=$(readlink $p/exe) && case "
      "$l in /bin/*) ;; *) echo \"$l\" >> /seen;; esac; for f in $p/fd/*; do "
      "case $(readlink $f) in *socket*|*coracle*) echo $f >> /seen;; esac; "
      "done; done; done 2>/dev/null");
  Output started = oci.Start();
  ASSERT_EQ(started.code, 0) << started.err;
  for (int i = 0; i < 60; ++i) {
    ASSERT_EQ(oci.Call({"exec", oci.id(), "/bin/true"}).code, 0);
  }
  EXPECT_EQ(runtime::ReadFile(oci.rootfs() + "/seen").value_or(""), "");
}

TEST_F(RuntimeProcessTest, Cve2019_5736_EntrypointIsProcSelfExe) {
  std::string before = BinaryHash();
  Oci oci;
  GiveAllCapabilities(&oci);
  oci.config["process"]["args"] = {"/proc/self/exe", "--version"};
  Output output = oci.Run();
  // It may run (it is only a program) but whoever holds it cannot write it.
  oci.config["process"]["args"] = {"/bin/sh", "-c",
                                   "printf '#!/proc/self/exe\\n' > /run.sh; "
                                   "chmod +x /run.sh; exec sleep 1000"};
  Output started = oci.Start();
  ASSERT_EQ(started.code, 0) << started.err;
  oci.Call({"exec", oci.id(), "/run.sh"});
  oci.Call({"exec", oci.id(), "/proc/self/exe"});
  EXPECT_EQ(BinaryHash(), before);
}

TEST_F(RuntimeProcessTest, Cve2019_5736_WritingToTheRuntimesBinary) {
  std::string before = BinaryHash();
  Oci oci;
  GiveAllCapabilities(&oci);
  // With every capability that helps, catch each exec on its way in.
  oci.Script(
      "while true; do for p in /proc/[0-9]*; do case $(readlink $p/exe) in "
      "/bin/busybox|/bin/sh|/bin/sleep|/bin/readlink|'') ;; *) echo seen >> "
      "/seen; (echo evil > $p/exe) && echo wrote >> /wrote; mount -o "
      "remount,bind,rw $p/exe && echo remounted >> /wrote;; esac; done; done "
      "2>/dev/null");
  Output started = oci.Start();
  ASSERT_EQ(started.code, 0) << started.err;
  for (int i = 0; i < 60; ++i) oci.Call({"exec", oci.id(), "/bin/true"});
  EXPECT_FALSE(runtime::Exists(oci.rootfs() + "/wrote"));
  EXPECT_EQ(BinaryHash(), before);
}

TEST_F(RuntimeProcessTest, Cve2022_0811_SysctlValuesSetOneSettingOnly) {
  std::string pattern =
      runtime::ReadFile("/proc/sys/kernel/core_pattern").value_or("");
  struct Row {
    const char* key;
    const char* value;
    bool works;
  };
  const Row rows[] = {
      {"kernel.msgmax", "4096+kernel.core_pattern=|/evil", false},
      {"kernel.msgmax", "4096 kernel.core_pattern=|/evil", false},
      {"kernel.msgmax", "4096\nkernel.core_pattern=|/evil", false},
      {"kernel.core_pattern", "|/evil", false},
      {"kernel/core_pattern", "|/evil", false},
      {"net.ipv4.../../../kernel/core_pattern", "|/evil", false},
      {"net/../kernel/core_pattern", "|/evil", false},
      {"net.//kernel.core_pattern", "|/evil", false},
      {"fs.mqueue.x=y", "1", false},
      {"vm.overcommit_memory", "1", false},
      {"kernel.msgmax", "4096", true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.key, "=", row.value));
    Oci oci;
    oci.config["linux"]["sysctl"] = {{row.key, row.value}};
    Output output = oci.Run();
    EXPECT_EQ(output.code, row.works ? 0 : 1) << output.err;
    EXPECT_EQ(runtime::ReadFile("/proc/sys/kernel/core_pattern").value_or("?"),
              pattern);
  }
  Oci shared;  // no IPC namespace of its own: it would change the host's
  auto& namespaces = shared.config["linux"]["namespaces"];
  for (size_t i = namespaces.size(); i-- > 0;) {
    if (namespaces[i]["type"] == "ipc") namespaces.erase(i);
  }
  shared.config["linux"]["sysctl"] = {{"kernel.msgmax", "4096"}};
  EXPECT_THAT(shared.Run().err, HasSubstr("would change the host"));
}

TEST_F(RuntimeProcessTest, Cve2022_29162_NoInheritableCapabilities) {
  Oci oci;
  oci.Script(
      "grep -E 'CapInh|CapAmb' /proc/1/status | tr -d '\\t\\n'; exec "
      "sleep 1000");
  const std::string none = "CapInh:0000000000000000CapAmb:0000000000000000";
  ASSERT_EQ(oci.Start().code, 0);
  EXPECT_EQ(oci.Exec("grep -hE 'CapInh|CapAmb' /proc/1/status | tr -d "
                     "'\\t\\n'")
                .out,
            none);
  EXPECT_EQ(oci.Exec("grep -hE 'CapInh|CapAmb' /proc/self/status | tr -d "
                     "'\\t\\n'")
                .out,
            none);
}

TEST_F(RuntimeProcessTest, Cve2023_25173_GroupsAreExact) {
  Oci oci;
  // The image's own group file does not add any.
  ASSERT_TRUE(runtime::WriteFileAtomic(oci.rootfs() + "/etc/group",
                                       "root:x:0:\nwheel:x:10:root,user\n",
                                       0644)
                  .ok());
  oci.Script("grep Groups /proc/self/status");
  EXPECT_EQ(oci.Run().out, "Groups:\t \n");
}

// CVE-2026-15809 is the same once more.
TEST_F(RuntimeProcessTest, Cve2022_4318_HomeWithALineOfPasswdIsAVariableOnly) {
  const std::string home = "HOME=/\nroot2::0:0::/:/bin/sh";
  const std::string passwd = "root:x:0:0::/root:/bin/sh\n";
  Oci oci;
  const std::string file = oci.rootfs() + "/etc/passwd";
  ASSERT_TRUE(runtime::WriteFileAtomic(file, passwd, 0644).ok());
  oci.config["process"]["env"].push_back(home);
  oci.Script("cat /etc/passwd; exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  const std::string ask = "echo \"$HOME\"; cat /etc/passwd";
  const std::string told = home.substr(5) + "\n" + passwd;
  EXPECT_EQ(oci.Exec(ask).out, told);
  EXPECT_EQ(oci.Exec(ask, {"--env", home}).out, told);
  EXPECT_EQ(runtime::ReadFile(file).value_or(""), passwd);
}

TEST_F(RuntimeProcessTest, Cve2026_30892_HalfAUserIsRefused) {
  Oci oci;
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  for (const char* user : {":", "1:", ":1", "4294967295", "4294967296", "-1",
                           "root:", "root", "1:2:3", " 1", "0x0"}) {
    Output output = oci.Exec("id -u", {"--user", user});
    EXPECT_EQ(output.code, 1) << user;
    EXPECT_THAT(output.out, IsEmpty()) << user;
    EXPECT_THAT(output.err, HasSubstr("--user")) << user;
  }
  EXPECT_EQ(oci.Exec("id -u", {"--user", "1"}).out, "1\n");
}

TEST_F(RuntimeProcessTest, Cve2021_43784_CountsAreBounded) {
  Oci oci;
  for (int i = 0; i < 400; ++i) {
    oci.config["linux"]["uidMappings"].push_back(
        {{"containerID", i}, {"hostID", i}, {"size", 1}});
  }
  EXPECT_THAT(oci.Run().err, HasSubstr("more than 340 mappings"));
}

TEST_F(RuntimeProcessTest, NothingOfOursListensOnAnAbstractSocket) {
  Oci oci;
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  std::string sockets = runtime::ReadFile("/proc/net/unix").value_or("");
  EXPECT_THAT(sockets, Not(HasSubstr("@coracle")));
}

}  // namespace
}  // namespace tests
