// SPDX-License-Identifier: Apache-2.0
// What a container sees of files.
#include <sys/xattr.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/oci.h"

namespace tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class OciMountsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string reason = Oci::Missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
  }
};

void Write(const std::string& path, const std::string& text) {
  ASSERT_TRUE(runtime::WriteFileAtomic(path, text, 0644).ok());
}

TEST_F(OciMountsTest, DevHasTheUsualNodesAndLinks) {
  Oci oci;
  oci.Script(
      "cd /dev; for d in null zero full random urandom tty; do stat -c '%n "
      "%t:%T "
      "%a' $d; done; for l in fd stdin stdout stderr ptmx; do readlink $l; "
      "done; echo x > null; "
      "head -c 2 zero | wc -c");
  Output output = oci.Run();
  EXPECT_EQ(output.out,
            "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\n"
            "urandom 1:9 666\ntty 5:0 666\n/proc/self/fd\n/proc/self/fd/0\n"
            "/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n2\n")
      << output.err;
}

TEST_F(OciMountsTest, DevicesOfTheConfigExistAndOthersAreDenied) {
  Oci oci;
  oci.config["linux"]["devices"] = {{{"path", "/dev/my/null"},
                                     {"type", "c"},
                                     {"major", 1},
                                     {"minor", 3},
                                     {"fileMode", 0640},
                                     {"uid", 5},
                                     {"gid", 6}}};
  oci.Script(
      "stat -c '%t:%T %a %u:%g' /dev/my/null; mknod /tmp/kmsg c 1 11 && "
      "cat /tmp/kmsg");
  Output output = oci.Run();
  EXPECT_EQ(output.out, "1:3 640 5:6\n");
  EXPECT_THAT(output.err, HasSubstr("Operation not permitted"));
}

TEST_F(OciMountsTest, BindsFollowTheirFlags) {
  Oci oci;
  Write(oci.host() + "/file", "content\n");
  ASSERT_TRUE(runtime::MakeDirs(oci.host() + "/dir/below").ok());
  oci.Mount("/new/place", "bind", oci.host() + "/dir", {"rbind", "rw"});
  oci.Mount("/etc/one", "bind", oci.host() + "/file", {"bind", "ro"});
  oci.Mount("/quiet", "bind", oci.host() + "/dir",
            {"rbind", "rro", "nosuid", "nodev", "noexec"});
  oci.Script(
      "cat /etc/one; echo x > /etc/one; echo y > /new/place/y; echo z > "
      "/quiet/z; grep ' /quiet ' /proc/mounts | cut -d' ' -f4");
  Output output = oci.Run();
  EXPECT_THAT(output.out, HasSubstr("content\n"));
  EXPECT_THAT(output.out, HasSubstr("ro,nosuid,nodev,noexec"));
  EXPECT_THAT(output.err, HasSubstr("/etc/one: Read-only file system"));
  EXPECT_THAT(output.err, HasSubstr("/quiet/z: Read-only file system"));
  EXPECT_TRUE(runtime::Exists(oci.host() + "/dir/y"));
}

TEST_F(OciMountsTest, RecursiveReadOnlyCoversMountsBelow) {
  Oci oci;
  // A mount below the source, in the namespace of unshare only.
  std::string dir = oci.host() + "/dir";
  ASSERT_TRUE(runtime::MakeDirs(dir + "/below").ok());
  oci.Mount("/a", "bind", dir, {"rbind", "ro"});
  oci.Mount("/b", "bind", dir, {"rbind", "rro"});
  oci.Script("touch /a/x /a/below/x /b/x /b/below/x");
  oci.WriteConfig();
  Output output =
      RunProgram({"unshare", "-m", "sh", "-c",
                  absl::StrCat("mount -t tmpfs t ", dir, "/below && ",
                               CORACLE_OCI, " --root ", oci.host(),
                               "/state run -b ", oci.bundle(), " ", oci.id())});
  EXPECT_THAT(output.err, HasSubstr("/a/x: Read-only"));
  EXPECT_THAT(output.err, Not(HasSubstr("/a/below/x")));
  EXPECT_THAT(output.err, HasSubstr("/b/x: Read-only"));
  EXPECT_THAT(output.err, HasSubstr("/b/below/x: Read-only"));
}

TEST_F(OciMountsTest, PropagationGoesWhereTheVolumeSays) {
  struct Row {
    const char* option;
    bool reaches_host;       // what the container mounts
    bool reaches_container;  // what the host mounts later
  };
  const Row rows[] = {{"rprivate", false, false},
                      {"rslave", false, true},
                      {"rshared", true, true}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.option);
    Oci oci;
    std::string dir = oci.host() + "/dir";
    ASSERT_TRUE(runtime::MakeDirs(dir).ok());
    const std::vector<std::string> caps = {"CAP_SYS_ADMIN"};
    oci.config["process"]["capabilities"] = {
        {"bounding", caps}, {"effective", caps}, {"permitted", caps}};
    oci.Mount("/vol", "bind", dir, {"rbind", row.option});
    // A FIFO orders the two: the container mounts, the host mounts, the
    // container looks.
    oci.Script(
        "mount -t tmpfs inner /vol/in; echo > /vol/turn; cat /vol/back; grep "
        "-c "
        "outer /proc/mounts");
    oci.WriteConfig();
    Output output = RunProgram(
        {"unshare", "-m", "sh", "-c",
         absl::StrCat("mount -t tmpfs t ", dir, " && mount --make-rshared ",
                      dir, " && cd ", dir,
                      " && mkdir in out && mkfifo turn back || exit 9; (cat "
                      "turn; grep -c inner /proc/mounts; mount -t tmpfs outer "
                      "out; echo > back) & ",
                      CORACLE_OCI, " --root ", oci.host(), "/state run -b ",
                      oci.bundle(), " ", oci.id())});
    std::string seen;
    for (char c : output.out) {
      if (c != '\n') seen.push_back(c);
    }
    EXPECT_EQ(seen, absl::StrCat(row.reaches_host ? "1" : "0",
                                 row.reaches_container ? "1" : "0"))
        << output.err;
  }
}

TEST_F(OciMountsTest, ReadOnlyRootStillHasItsMounts) {
  Oci oci;
  oci.config["root"]["readonly"] = true;
  oci.Script("touch /x; touch /dev/shm/ok && echo shm");
  Output output = oci.Run();
  EXPECT_THAT(output.err, HasSubstr("/x: Read-only file system"));
  EXPECT_EQ(output.out, "shm\n");
}

TEST_F(OciMountsTest, MaskedAndReadOnlyPaths) {
  Oci oci;
  oci.config["linux"]["maskedPaths"] = {"/proc/keys", "/proc/timer_list",
                                        "/sys/firmware", "/proc/scsi", "/nope"};
  oci.Script(
      "cat /proc/keys | wc -c; ls /sys/firmware | wc -l; echo 1 > "
      "/proc/sys/kernel/core_pattern; touch /sys/firmware/x");
  Output output = oci.Run();
  EXPECT_EQ(output.out, "0\n0\n");
  EXPECT_THAT(output.err, HasSubstr("core_pattern: Read-only file system"));
  EXPECT_THAT(output.err, HasSubstr("/sys/firmware/x"));
}

TEST_F(OciMountsTest, TheCgroupViewIsTheContainersOwnAndReadOnly) {
  Oci oci;
  oci.config["linux"]["resources"]["pids"]["limit"] = 77;
  oci.Script(
      "cat $(ls /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max "
      "2>/dev/null)"
      "; mkdir /sys/fs/cgroup/x 2>/dev/null || echo refused; cat "
      "/proc/self/cgroup");
  Output output = oci.Run();
  EXPECT_THAT(output.out, HasSubstr("77\nrefused\n"));
  EXPECT_THAT(output.out, Not(HasSubstr("coracle-test-oci")));
}

TEST_F(OciMountsTest, TmpfsOptionsReachTheFilesystem) {
  Oci oci;
  oci.Mount("/scratch", "tmpfs", "tmpfs",
            {"nosuid", "size=64k", "mode=1700", "ro"});
  oci.Script("grep ' /scratch ' /proc/mounts; touch /scratch/x");
  Output output = oci.Run();
  EXPECT_THAT(output.out, HasSubstr("ro,nosuid,relatime,size=64k,mode=1700"));
  EXPECT_THAT(output.err, HasSubstr("Read-only"));
  Oci bad;
  bad.Mount("/scratch", "tmpfs", "tmpfs", {"nonsense=1"});
  EXPECT_THAT(bad.Run().err, HasSubstr("mount /scratch: option nonsense=1"));
}

TEST_F(OciMountsTest, TmpfsMayStartAsACopyOfWhatItCovers) {
  Oci oci;
  std::string dir = oci.rootfs() + "/data";
  ASSERT_TRUE(runtime::MakeDirs(dir + "/sub").ok());
  ASSERT_TRUE(runtime::WriteFileAtomic(dir + "/sub/file", "x\n", 0640).ok());
  ASSERT_EQ(symlink("/etc/shadow", (dir + "/link").c_str()), 0);
  oci.Mount("/data", "tmpfs", "tmpfs", {"tmpcopyup", "mode=755"});
  oci.Script(
      "cat /data/sub/file; stat -c %a /data/sub/file; readlink /data/link; "
      "echo "
      "y > /data/sub/file");
  Output output = oci.Run();
  EXPECT_EQ(output.out, "x\n640\n/etc/shadow\n") << output.err;
  EXPECT_EQ(runtime::ReadFile(dir + "/sub/file").value_or(""), "x\n");
}

TEST_F(OciMountsTest, ABadOptionOfProcIsNamedWithTheKernelsReason) {
  Oci oci;
  for (runtime::Json& mount : oci.config["mounts"]) {
    if (mount["destination"] == "/proc") mount["options"] = {"hidepid=77"};
  }
  EXPECT_THAT(oci.Run().err, HasSubstr("mount /proc: hidepid: Invalid "
                                       "argument (proc: "));
}

TEST_F(OciMountsTest, AMissingWorkingDirectoryIsMade) {
  Oci oci;
  oci.config["process"]["cwd"] = "/srv/app";
  oci.Script("pwd");
  EXPECT_EQ(oci.Run().out, "/srv/app\n");
}

class OciLayersTest : public OciMountsTest {
 protected:
  void SetUp() override {
    OciMountsTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(runtime::MakeDirs(oci_.host() + "/low/dir/sub").ok());
    ASSERT_TRUE(runtime::MakeDirs(oci_.host() + "/top/dir").ok());
    Write(oci_.host() + "/low/dir/sub/file", "low");
    Write(oci_.host() + "/top/dir/other", "top");
    ASSERT_EQ(symlink("/", (oci_.host() + "/top/out").c_str()), 0);
  }

  void AddVolume(const std::vector<std::string>& more) {
    std::vector<std::string> options = {
        "ro",
        absl::StrCat("lowerdir=", oci_.host(), "/top:", oci_.host(), "/low")};
    options.insert(options.end(), more.begin(), more.end());
    oci_.Mount("/volume", "overlay", "overlay", options);
  }

  Oci oci_;
};

TEST_F(OciLayersTest, LayersOfAnImageAreShownReadOnly) {
  AddVolume({});
  oci_.Script(
      "cat /volume/dir/sub/file /volume/dir/other; echo; touch /volume/x");
  Output output = oci_.Run();
  EXPECT_EQ(output.out, "lowtop\n");
  EXPECT_THAT(output.err, HasSubstr("Read-only file system"));
}

TEST_F(OciLayersTest, ASubPathIsAllThatIsShown) {
  AddVolume({"coracle.subpath=dir/sub"});
  oci_.Script(
      "ls /volume; touch /volume/x; grep -c /volume /proc/self/mountinfo");
  Output output = oci_.Run();
  EXPECT_EQ(output.out, "file\n1\n") << output.err;
  EXPECT_THAT(output.err, HasSubstr("Read-only file system"));
}

TEST_F(OciLayersTest, ADirectoryOfOneLayerNeverStandsForAnother) {
  const std::string dir = oci_.host() + "/top/elsewhere";
  ASSERT_TRUE(runtime::MakeDirs(dir).ok());
  if (setxattr(dir.c_str(), "trusted.overlay.redirect", "/dir", 4, 0) != 0) {
    GTEST_SKIP() << "no trusted attributes in " << dir;
  }
  AddVolume({});
  oci_.Script("cat /volume/dir/sub/file; ls /volume/elsewhere/");
  Output output = oci_.Run();
  EXPECT_EQ(output.out, "low");
  EXPECT_THAT(output.err, HasSubstr("/volume/elsewhere/"));
}

TEST_F(OciLayersTest, ASubPathNeverLeavesTheVolume) {
  AddVolume({"coracle.subpath=out/low"});
  oci_.Script("true");
  Output output = oci_.Run();
  EXPECT_NE(output.code, 0);
  EXPECT_THAT(output.err, HasSubstr("mount /volume: sub path"));
}

}  // namespace
}  // namespace tests
