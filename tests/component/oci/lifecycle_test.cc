// SPDX-License-Identifier: Apache-2.0
// The OCI command line: life cycle, exec, errors, nothing left behind.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"
#include "runtime/cgroup/layout.h"
#include "tests/support/oci.h"

namespace tests {
namespace {

using testing::HasSubstr;

class OciLifecycleTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string reason = Oci::Missing(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
  }
};

TEST_F(OciLifecycleTest, RunPassesOutputAndExitCode) {
  Oci oci;
  oci.Script("echo out; echo err >&2; exit 7");
  Output output = oci.Run();
  EXPECT_EQ(output.code, 7);
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.err, "err\n");
  EXPECT_THAT(oci.Status(), HasSubstr("does not exist"));
}

TEST_F(OciLifecycleTest, CreatedRunningStoppedDeleted) {
  Oci oci;
  oci.Script("echo started > /mark; exec sleep 1000");
  oci.WriteConfig();
  std::string pid_file = oci.host() + "/pid";
  Output created = oci.Call(
      {"create", "--bundle", oci.bundle(), "--pid-file", pid_file, oci.id()});
  ASSERT_EQ(created.code, 0) << created.err;
  EXPECT_EQ(oci.Status(), "created");
  EXPECT_FALSE(runtime::Exists(oci.rootfs() + "/mark"));
  Output again = oci.Call({"create", "--bundle", oci.bundle(), oci.id()});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("already exists"));

  ASSERT_EQ(oci.Call({"start", oci.id()}).code, 0);
  EXPECT_EQ(oci.Status(), "running");
  EXPECT_NE(oci.Call({"start", oci.id()}).code, 0);
  EXPECT_THAT(oci.Call({"delete", oci.id()}).err, HasSubstr("not stopped"));
  std::string pid = runtime::ReadFile(pid_file).value_or("");
  EXPECT_THAT(oci.Call({"ps", "--format", "json", oci.id()}).out,
              HasSubstr(pid));

  EXPECT_EQ(oci.Call({"delete", "--force", oci.id()}).code, 0);
  EXPECT_THAT(oci.Status(), HasSubstr("does not exist"));
  EXPECT_EQ(oci.Call({"delete", "--force", oci.id()}).code, 0);
}

TEST_F(OciLifecycleTest, KillOfAStoppedContainerSaysNotRunning) {
  Oci oci;
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  ASSERT_EQ(oci.Call({"kill", "--all", oci.id(), "KILL"}).code, 0);
  // Bounded by the test's own time limit; the state is the event.
  while (oci.Status() == "running") {
  }
  Output killed = oci.Call({"kill", oci.id(), "SIGTERM"});
  EXPECT_EQ(killed.code, 1);
  EXPECT_THAT(killed.err, HasSubstr("container not running"));
  EXPECT_EQ(oci.Call({"delete", oci.id()}).code, 0);
}

TEST_F(OciLifecycleTest, ExecRunsInsideWithTheContainersIdentity) {
  Oci oci;
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  // start returns before the workload's own exec: wait for that first.
  Output output = oci.Exec(
      "until grep -q sleep /proc/1/comm; do usleep 1000; done; "
      "hostname; cat /proc/1/comm; echo $X; pwd; exit 5",
      {"--env", "X=y", "--cwd", "/tmp"});
  EXPECT_EQ(output.code, 5) << output.err;
  EXPECT_EQ(output.out, "boat\nsleep\ny\n/tmp\n");
  // Same cgroup and capabilities as the container's own process.
  Output facts = oci.Exec(
      "grep -h Cap /proc/1/status > /tmp/a; grep -h Cap /proc/self/status > "
      "/tmp/b; cmp /tmp/a /tmp/b && cat /proc/self/cgroup");
  EXPECT_EQ(facts.code, 0) << facts.err;
  EXPECT_THAT(facts.out, testing::Not(HasSubstr("..")));
  for (const char* user : {"1000", "1000:1000"}) {
    EXPECT_THAT(oci.Exec("id -u", {"--user", user}).out, "1000\n");
  }
}

TEST_F(OciLifecycleTest, ExecOfAMissingCommandNamesIt) {
  Oci oci;
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  Output output = oci.Call({"exec", oci.id(), "/nope"});
  EXPECT_EQ(output.code, 1);
  EXPECT_EQ(output.err, "coracle-oci: exec /nope: No such file or directory\n");
  output = oci.Call({"exec", oci.id(), "nope"});
  EXPECT_THAT(output.err, HasSubstr("executable file not found in $PATH"));
}

TEST_F(OciLifecycleTest, CreateOfAMissingCommandFailsAndLeavesNothing) {
  Oci oci;
  oci.config["process"]["args"] = {"nope"};
  oci.WriteConfig();
  Output output = oci.Call({"create", "--bundle", oci.bundle(), oci.id()});
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.err,
              HasSubstr("exec nope: executable file not found in $PATH"));
  EXPECT_THAT(oci.Status(), HasSubstr("does not exist"));
  absl::StatusOr<runtime::cgroup::Layout> layout = runtime::cgroup::Detect();
  ASSERT_TRUE(layout.ok());
  for (const auto& hierarchy : layout->hierarchies) {
    EXPECT_FALSE(runtime::Exists(hierarchy.mount_point + oci.cgroup()));
  }
}

TEST_F(OciLifecycleTest, NoMountOfAContainerReachesTheHost) {
  Oci oci;
  std::string before = runtime::ReadFile("/proc/self/mountinfo").value_or("");
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  std::string after = runtime::ReadFile("/proc/self/mountinfo").value_or("");
  EXPECT_THAT(after, testing::Not(HasSubstr(oci.bundle())));
}

TEST_F(OciLifecycleTest, PausedContainersRefuseExecAndCanBeDeleted) {
  Oci oci;
  oci.Script("exec sleep 1000");
  ASSERT_EQ(oci.Start().code, 0);
  ASSERT_EQ(oci.Call({"pause", oci.id()}).code, 0);
  EXPECT_EQ(oci.Status(), "paused");
  EXPECT_THAT(oci.Exec("true").err, HasSubstr("paused"));
  ASSERT_EQ(oci.Call({"resume", oci.id()}).code, 0);
  EXPECT_EQ(oci.Status(), "running");
  ASSERT_EQ(oci.Call({"pause", oci.id()}).code, 0);
  EXPECT_EQ(oci.Call({"delete", "--force", oci.id()}).code, 0);
}

TEST_F(OciLifecycleTest, HooksRunInTheirOrderWithTheStateOnInput) {
  Oci oci;
  std::string log = oci.host() + "/hooks";
  auto hook = [&](const char* name) {
    return runtime::Json::array(
        {{{"path", "/bin/sh"},
          {"args",
           {"sh", "-c",
            absl::StrCat("read x; echo \"", name, " $x\" >> ", log)}}}});
  };
  for (const char* name : {"prestart", "createRuntime", "createContainer",
                           "poststart", "poststop"}) {
    oci.config["hooks"][name] = hook(name);
  }
  ASSERT_EQ(oci.Run().code, 0);
  std::string text = runtime::ReadFile(log).value_or("");
  size_t at = 0;
  for (const char* name : {"prestart {", "createRuntime {", "createContainer {",
                           "poststart {", "poststop {"}) {
    size_t found = text.find(name, at);
    ASSERT_NE(found, std::string::npos) << name << " in\n" << text;
    at = found;
  }
  EXPECT_THAT(text, HasSubstr(absl::StrCat("\"id\":\"", oci.id(), "\"")));
}

TEST_F(OciLifecycleTest, CreateContainerHooksAreInTheContainersCgroups) {
  Oci oci;
  std::string log = oci.host() + "/hooks";
  oci.config["hooks"]["createContainer"] = {
      {{"path", "/bin/sh"},
       {"args", {"sh", "-c", absl::StrCat("cat /proc/self/cgroup > ", log)}}}};
  ASSERT_EQ(oci.Run().code, 0);
  EXPECT_THAT(runtime::ReadFile(log).value_or(""),
              HasSubstr(absl::StrCat(":", oci.cgroup(), "\n")));
}

TEST_F(OciLifecycleTest, AFailingHookFailsTheCreation) {
  Oci oci;
  oci.config["hooks"]["createRuntime"] = {
      {{"path", "/bin/sh"}, {"args", {"sh", "-c", "exit 3"}}}};
  Output output = oci.Run();
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.err, HasSubstr("createRuntime hook /bin/sh: ended with "
                                    "exit code 3"));
}

// They run in the process that becomes the workload, inside its root.
TEST_F(OciLifecycleTest, StartContainerHooksRunInsideBeforeTheWorkload) {
  Oci oci;
  oci.config["process"]["args"] = {"/bin/cat", "/tmp/hooks"};
  oci.config["hooks"]["startContainer"] = {
      {{"path", "/bin/sh"},
       {"args", {"sh", "-c", "read x; echo \"$A $x\" > /tmp/hooks"}},
       {"env", {"A=first"}}},
      {{"path", "/bin/sh"},
       {"args", {"sh", "-c", "read x; echo \"second $x\" >> /tmp/hooks"}}}};
  Output output = oci.Run();
  EXPECT_EQ(output.code, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("first {"));
  EXPECT_THAT(output.out, HasSubstr("second {"));
  EXPECT_THAT(output.out, HasSubstr("\"pid\":1"));
}

TEST_F(OciLifecycleTest, AFailingStartContainerHookIsTheErrorOfTheStart) {
  Oci oci;
  oci.config["hooks"]["startContainer"] = {
      {{"path", "/bin/sh"}, {"args", {"sh", "-c", "exit 3"}}}};
  EXPECT_THAT(oci.Run().err, HasSubstr("startContainer hook /bin/sh: ended "
                                       "with exit code 3"));
  oci.config["hooks"]["startContainer"] = {{{"path", "/bin/sh"},
                                            {"args", {"sh", "-c", "sleep 100"}},
                                            {"timeout", 1}}};
  EXPECT_THAT(oci.Run().err, HasSubstr("startContainer hook /bin/sh: took "
                                       "longer than its timeout"));
}

TEST_F(OciLifecycleTest, TheTerminalGoesToTheConsoleSocket) {
  Oci oci;
  std::string path = oci.host() + "/console";
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  runtime::UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof(address)),
            0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  oci.config["process"]["terminal"] = true;
  oci.Script("tty; ls -l /dev/console | cut -c1; exec sleep 1000");
  oci.WriteConfig();
  Output created = oci.Call(
      {"create", "--bundle", oci.bundle(), "--console-socket", path, oci.id()});
  ASSERT_EQ(created.code, 0) << created.err;
  runtime::UniqueFd peer(accept(listener.get(), nullptr, nullptr));
  char name[64];
  iovec part = {name, sizeof(name)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ASSERT_GT(recvmsg(peer.get(), &message, MSG_CMSG_CLOEXEC), 0);
  ASSERT_NE(CMSG_FIRSTHDR(&message), nullptr);
  int fd;
  std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
  runtime::UniqueFd terminal(fd);
  ASSERT_EQ(oci.Call({"start", oci.id()}).code, 0);
  std::string text;
  char buffer[256];
  while (text.find("c\r\n") == std::string::npos) {
    ssize_t size = read(terminal.get(), buffer, sizeof(buffer));
    ASSERT_GT(size, 0) << text;
    text.append(buffer, static_cast<size_t>(size));
  }
  EXPECT_THAT(text, HasSubstr("/dev/pts/0\r\n"));
}

TEST_F(OciLifecycleTest, BadConfigsAreRefusedByFieldAndLeaveNothing) {
  struct Row {
    const char* name;
    const char* pointer;
    runtime::Json value;
    const char* error;
  };
  const Row rows[] = {
      {"uid", "/process/user/uid", "0", "process.user.uid: expected"},
      {"negative uid", "/process/user/uid", -1, "process.user.uid: expected"},
      {"wrapping uid", "/process/user/uid", 4294967296, "process.user.uid"},
      {"no args", "/process/args", runtime::Json::array(), "process.args"},
      {"relative cwd", "/process/cwd", "x", "process.cwd"},
      {"capability", "/process/capabilities/bounding",
       runtime::Json::array({"CAP_NOPE"}), "CAP_NOPE"},
      {"namespace", "/linux/namespaces/0/type", "moon", "moon"},
      {"user namespace", "/linux/namespaces/0/type", "user",
       "linux.uidMappings, linux.gidMappings: are missing"},
      {"time namespace", "/linux/namespaces/0/type", "time",
       "time namespaces are not supported"},
      {"half a mapping", "/mounts/0/uidMappings",
       runtime::Json::array({{{"containerID", 0}, {"hostID", 1}, {"size", 1}}}),
       "mounts[0].uidMappings: and gidMappings go together"},
      {"mount type", "/mounts/0/type", "nopefs", "mount /proc: filesystem"},
      {"mount source",
       "/mounts/0",
       {{"destination", "/data"}, {"type", "bind"}, {"source", "/nope"}},
       "mount /data: bind /nope: No such file or directory"},
      {"cgroup", "/linux/cgroupsPath", "/../x", "linux.cgroupsPath"},
      {"apparmor", "/process/apparmorProfile", "web",
       "process.apparmorProfile"},
      {"selinux", "/process/selinuxLabel", "u:r:t:s0", "process.selinuxLabel"},
      {"mount label", "/linux/mountLabel", "u:r:t:s0", "linux.mountLabel"},
      {"memory",
       "/linux/resources/memory",
       {{"limit", "1G"}},
       "linux.resources.memory.limit"},
      {"seccomp",
       "/linux/seccomp",
       {{"defaultAction", "SCMP_ACT_NOPE"}},
       "SCMP_ACT_NOPE"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Oci oci;
    oci.config[runtime::Json::json_pointer(row.pointer)] = row.value;
    Output output = oci.Run();
    EXPECT_EQ(output.code, 1);
    EXPECT_THAT(output.err, HasSubstr(row.error));
    EXPECT_THAT(oci.Status(), HasSubstr("does not exist"));
  }
}

TEST_F(OciLifecycleTest, CommandLineErrorsAreOneSentence) {
  Oci oci;
  EXPECT_THAT(oci.Call({"state", "nope"}).err,
              HasSubstr("container \"nope\" does not exist"));
  EXPECT_THAT(oci.Call({"frobnicate"}).err, HasSubstr("unknown command"));
  EXPECT_THAT(oci.Call({"create", "--nope", "x"}).err,
              HasSubstr("unknown flag --nope"));
  EXPECT_THAT(oci.Call({"--systemd-cgroup", "state", "x"}).err,
              HasSubstr("cgroupfs"));
  for (const char* id : {"../x", ".x", "a/b", ""}) {
    oci.WriteConfig();
    EXPECT_NE(oci.Call({"create", "--bundle", oci.bundle(), id}).code, 0) << id;
  }
  EXPECT_EQ(oci.Call({"--version"}).code, 0);
  EXPECT_EQ(oci.Call({"create", "--help"}).code, 0);
  EXPECT_THAT(oci.Call({"features"}).out, HasSubstr("ociVersionMax"));
}

}  // namespace
}  // namespace tests
