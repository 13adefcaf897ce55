// SPDX-License-Identifier: Apache-2.0
// Known attacks on a runtime's handling of files: images and volumes that try
// to lead it out of the container's root. Each test is named after the CVE
// whose class it covers.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/oci.h"

namespace tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RuntimeFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string reason = Oci::Missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    core_pattern_ = CorePattern();
  }
  void TearDown() override { EXPECT_EQ(CorePattern(), core_pattern_); }

  static std::string CorePattern() {
    return runtime::ReadFile("/proc/sys/kernel/core_pattern").value_or("");
  }
  std::string core_pattern_;
};

void Link(const std::string& target, const std::string& path) {
  RunProgram({"rm", "-rf", path});
  ASSERT_EQ(symlink(target.c_str(), path.c_str()), 0) << path;
}

std::vector<std::string> Entries(const std::string& directory) {
  return runtime::ListDir(directory).value_or(std::vector<std::string>{"?"});
}

TEST_F(RuntimeFilesTest, Cve2019_19921_ProcIsASymlink) {
  for (const char* path : {"/proc", "/sys", "/dev"}) {
    Oci oci;
    ASSERT_TRUE(runtime::MakeDirs(oci.rootfs() + "/evil").ok());
    Link("/evil", oci.rootfs() + path);
    Output output = oci.Run();
    EXPECT_EQ(output.code, 1) << path;
    EXPECT_THAT(output.err, HasSubstr(absl::StrCat("mount ", path)));
    EXPECT_THAT(Entries(oci.rootfs() + "/evil"), IsEmpty());
  }
}

TEST_F(RuntimeFilesTest, Cve2023_27561_VolumeOverPartOfProc) {
  Oci oci;
  oci.Mount("/proc/self", "bind", oci.host(), {"rbind"});
  EXPECT_THAT(oci.Run().err, HasSubstr("mount /proc/self"));
  Oci indirect;
  // The destination only turns out to be in /proc when links are followed.
  Link("/proc/sys", indirect.rootfs() + "/innocent");
  indirect.Mount("/innocent", "bind", indirect.host(), {"rbind"});
  Output output = indirect.Run();
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.err, HasSubstr("is inside /proc"));
}

TEST_F(RuntimeFilesTest, Cve2025_52881_ProcThatIsNoProcfs) {
  Oci oci;
  for (auto& mount : oci.config["mounts"]) {
    if (mount["destination"] != "/proc") continue;
    mount = {{"destination", "/proc"},
             {"type", "bind"},
             {"source", oci.host()},
             {"options", {"rbind"}}};
  }
  Output output = oci.Run();
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.err,
              HasSubstr("mount /proc: destination: what covers /proc"));
}

TEST_F(RuntimeFilesTest, Cve2019_18837_DestinationsStayInTheRoot) {
  struct Row {
    const char* name;
    const char* link;  // target of /jump, or nullptr
    const char* destination;
    bool works;
  };
  const Row rows[] = {
      {"dots", nullptr, "/../../../../data", true},
      {"absolute link", "/landing", "/jump/data", true},
      {"link with dots", "../../../../landing", "/jump/data", true},
      {"dangling link", "/landing/later", "/jump", true},
      {"looping link", "jump", "/jump/data", false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Oci oci;
    ASSERT_TRUE(runtime::MakeDirs(oci.host() + "/volume").ok());
    ASSERT_TRUE(
        runtime::WriteFileAtomic(oci.host() + "/volume/mark", "x").ok());
    if (row.link != nullptr) Link(row.link, oci.rootfs() + "/jump");
    oci.Mount(row.destination, "bind", oci.host() + "/volume", {"rbind"});
    oci.Script(
        "find / -xdev -name data; cat /data/mark /landing/data/mark "
        "/landing/later/mark 2>/dev/null; true");
    Output output = oci.Run();
    EXPECT_EQ(output.code, row.works ? 0 : 1) << output.err;
    EXPECT_EQ(output.out.find('x') != std::string::npos, row.works);
    // Nothing of it on the host.
    EXPECT_FALSE(runtime::Exists("/landing"));
    EXPECT_FALSE(runtime::Exists("/data/mark"));
    EXPECT_FALSE(runtime::Exists(oci.bundle() + "/data"));
  }
}

TEST_F(RuntimeFilesTest, Cve2021_30465_DestinationLeadsToTheHost) {
  Oci oci;
  std::string canary = oci.host() + "/canary";
  ASSERT_TRUE(runtime::MakeDirs(canary).ok());
  // A volume whose content is an attacker's: a link to the host's canary.
  ASSERT_TRUE(runtime::MakeDirs(oci.host() + "/shared").ok());
  Link(canary, oci.host() + "/shared/point");
  oci.Mount("/shared", "bind", oci.host() + "/shared", {"rbind"});
  oci.Mount("/shared/point", "tmpfs", "tmpfs", {});
  oci.Script("echo secret > /shared/point/file; cat /shared/point/file");
  Output output = oci.Run();
  EXPECT_THAT(Entries(canary), IsEmpty());
  EXPECT_FALSE(runtime::Exists(canary + "/file"));
}

TEST_F(RuntimeFilesTest, Cve2021_30465_MountPointSwappedWhileWeMount) {
  Oci oci;
  std::string shared = oci.host() + "/shared";
  std::string canary = oci.host() + "/canary";
  ASSERT_TRUE(runtime::MakeDirs(shared + "/point").ok());
  ASSERT_TRUE(runtime::MakeDirs(canary).ok());
  Link(canary, shared + "/swap");
  oci.Mount("/shared", "bind", shared, {"rbind"});
  oci.Mount("/shared/point/new", "tmpfs", "tmpfs", {});
  oci.Script("true");
  std::atomic<bool> stop = false;
  std::thread racer([&] {
    while (!stop) {
      renameat2(AT_FDCWD, (shared + "/point").c_str(), AT_FDCWD,
                (shared + "/swap").c_str(), RENAME_EXCHANGE);
    }
  });
  int started = 0;
  for (int i = 0; i < 60; ++i) started += oci.Run().code == 0 ? 1 : 0;
  stop = true;
  racer.join();
  // CVE-2024-45310 in passing: not even an empty directory may appear there.
  EXPECT_THAT(Entries(canary), IsEmpty());
  EXPECT_GT(started, 0);
}

TEST_F(RuntimeFilesTest, Cve2024_45310_MissingParentsAreMadeInsideOnly) {
  Oci oci;
  std::string canary = oci.host() + "/canary";
  ASSERT_TRUE(runtime::MakeDirs(canary).ok());
  Link(canary, oci.rootfs() + "/out");
  oci.Mount("/out/a/b/c", "tmpfs", "tmpfs", {});
  oci.Mount("/out/file", "bind", "/etc/hostname", {"bind", "ro"});
  EXPECT_EQ(oci.Run().code, 0);
  EXPECT_THAT(Entries(canary), IsEmpty());
}

TEST_F(RuntimeFilesTest, Cve2025_31133_DevNullOfTheImageIsALink) {
  Oci oci;
  // No /dev mount: the image's own /dev is what the runtime works in.
  auto& mounts = oci.config["mounts"];
  for (size_t i = mounts.size(); i-- > 0;) {
    std::string at = mounts[i]["destination"];
    if (at.rfind("/dev", 0) == 0) mounts.erase(i);
  }
  ASSERT_TRUE(runtime::MakeDirs(oci.rootfs() + "/dev").ok());
  Link("/proc/sys/kernel/core_pattern", oci.rootfs() + "/dev/null");
  oci.config["linux"]["maskedPaths"] = {"/proc/keys", "/proc/sysrq-trigger"};
  oci.Script("stat -c %t:%T /dev/null /proc/keys; echo '|/evil' > /proc/keys");
  Output output = oci.Run();
  EXPECT_EQ(output.out, "1:3\n1:3\n") << output.err;
}

TEST_F(RuntimeFilesTest, Cve2025_52565_ConsoleOfTheImageIsALink) {
  Oci oci;
  std::string canary = oci.host() + "/canary";
  ASSERT_TRUE(runtime::MakeDirs(canary).ok());
  // A devpts that is a plain directory of the image's.
  for (auto& mount : oci.config["mounts"]) {
    if (mount["destination"] == "/dev/pts") mount["destination"] = "/elsewhere";
  }
  oci.config["process"]["terminal"] = true;
  Output output = oci.Run();
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.err, HasSubstr("/dev/pts"));
}

TEST_F(RuntimeFilesTest, Cve2023_25809_CgroupsCannotBeWritten) {
  Oci oci;
  oci.Script(
      "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/evil 2>/dev/null "
      "&& "
      "echo made $d; done; find /sys/fs/cgroup -type f | while read f; do "
      "test -w $f && (echo 0 > $f) 2>/dev/null && echo wrote $f; done; true");
  Output output = oci.Run();
  EXPECT_THAT(output.out, IsEmpty());
}

TEST_F(RuntimeFilesTest, Cve2024_21626_WorkdirIntoLeakedFd) {
  for (int fd = 3; fd <= 40; ++fd) {
    for (const char* path : {"/proc/self/fd/", "/link/"}) {
      Oci oci;
      if (std::string(path) == "/link/") {
        Link("/proc/self/fd", oci.rootfs() + "/link");
      }
      oci.config["process"]["cwd"] = absl::StrCat(path, fd);
      oci.Script("cd ../../../../..; ls; cat etc/shadow");
      Output output = oci.Run();
      EXPECT_NE(output.code, 0);
      EXPECT_THAT(output.out, Not(HasSubstr("boot"))) << fd;
      if (fd > 12) break;  // the second form at a few numbers is enough
    }
  }
}

TEST_F(RuntimeFilesTest, Cve2024_21626_ExecWorkdirIntoLeakedFd) {
  Oci oci;
  Link("/proc/self/fd", oci.rootfs() + "/link");
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  for (int fd = 3; fd <= 40; ++fd) {
    Output output = oci.Exec(
        "cd ../../../../..; ls",
        {"--cwd", absl::StrCat(fd % 2 ? "/link/" : "/proc/self/fd/", fd)});
    EXPECT_NE(output.code, 0);
    EXPECT_THAT(output.out, IsEmpty()) << fd;
  }
}

}  // namespace
}  // namespace tests
