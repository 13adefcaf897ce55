// SPDX-License-Identifier: Apache-2.0
// The whole life of pods: handler, launcher, holder, set-up, real namespaces
// and cgroups.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/component/hold/pod_fixture.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

using ::runtime::ContainerPhase;
using ::runtime::ContainerState;
using ::runtime::Json;
using ::runtime::SandboxState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(PodTest, ContainerLivesInThePodsNamespaces) {
  StartSandbox("s");
  Run("s", "c",
      "echo pid $$; hostname; cat /proc/sys/kernel/shm_rmid_forced "
      "/proc/sys/net/ipv4/ip_unprivileged_port_start; cat /proc/net/dev | "
      "tail -n +3; echo problem >&2; exit 4");
  ContainerState state = news_->Await("c", ContainerPhase::kExited);
  EXPECT_EQ(state.exit_code, 4);
  EXPECT_THAT(state.phases, Not(IsEmpty()));
  EXPECT_THAT(Log("c"), HasSubstr("stdout F pid 1\nstdout F pod-s\n"
                                  "stdout F 1\nstdout F 7\nstdout F     lo:"));
  EXPECT_THAT(Log("c"), Not(HasSubstr("eth0")));
  EXPECT_THAT(Log("c"), HasSubstr("stderr F problem\n"));
}

TEST_F(PodTest, Cve2020_8557_SharedFilesCannotFillTheNodesDisk) {
  const SandboxState sandbox = StartSandbox("s");
  const std::string file = sandbox.files_dir + "/hosts";
  ASSERT_THAT(runtime::WriteFileAtomic(file, "127.0.0.1\tme\n", 0644), IsOk());
  Json config = Config("c",
                       "cat /etc/hosts; echo '127.0.0.2 you' >>/etc/hosts; "
                       "dd if=/dev/zero of=/etc/hosts bs=1048576 "
                       "count=64 && echo filled");
  config["mounts"].push_back({{"destination", "/etc/hosts"},
                              {"type", "bind"},
                              {"source", file},
                              {"options", {"rbind", "rw"}}});
  ASSERT_THAT(Create("s", "c", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  news_->Await("c", ContainerPhase::kExited);
  EXPECT_THAT(Log("c"), HasSubstr("stdout F 127.0.0.1\tme\n"));
  EXPECT_THAT(Log("c"), HasSubstr("No space left on device"));
  EXPECT_THAT(Log("c"), Not(HasSubstr("filled")));
  struct stat info {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_LE(info.st_blocks * 512, 4 << 20);
  ASSERT_THAT(handler_->RemoveSandbox("s"), IsOk());
  EXPECT_FALSE(runtime::Exists(sandbox.files_dir));
}

TEST_F(PodTest, AMissingCommandExits128WithTheReason) {
  StartSandbox("s");
  Json config = Config("c", "");
  config["process"]["args"] = {"/nope"};
  ASSERT_THAT(Create("s", "c", config), IsOk());
  EXPECT_THAT(handler_->StartContainer("s", "c"),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("/nope")));
  auto state = handler_->GetContainer("s", "c");
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->phase, ContainerPhase::kExited);
  EXPECT_EQ(state->exit_code, 128);
  EXPECT_THAT(state->message, HasSubstr("/nope"));
}

TEST_F(PodTest, AFailedSetUpLeavesNothing) {
  StartSandbox("s");
  Json config = Config("c", "true");
  config["mounts"].push_back({{"destination", "/data"},
                              {"type", "bind"},
                              {"source", "/r2/does/not/exist"},
                              {"options", {"bind"}}});
  EXPECT_THAT(Create("s", "c", config),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("does/not")));
  EXPECT_THAT(*handler_->ListContainers("s"), IsEmpty());
  EXPECT_THAT(LeftProcesses(), IsEmpty());
}

// Whose fault it is: a place that no config can have, or one that the host does
// not let us make.
TEST_F(PodTest, AMountThatTheHostForbidsIsNoBadRequest) {
  StartSandbox("s");
  const auto with = [this](const std::string& place) {
    Json config = Config("c", "true");
    config["mounts"].push_back({{"destination", "/bound"},
                                {"type", "bind"},
                                {"source", "/tmp"},
                                {"options", {"rbind", "ro"}}});
    config["mounts"].push_back(
        {{"destination", "/sys"}, {"type", "sysfs"}, {"source", "sysfs"}});
    config["mounts"].push_back(
        {{"destination", place}, {"type", "tmpfs"}, {"source", "tmpfs"}});
    return config;
  };
  EXPECT_THAT(Create("s", "c", with("/bound/no/such/place")),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("mount /bound/no/such/place: destination: "
                                 "mkdir /bound/no: Read-only")));
  EXPECT_THAT(Create("s", "c", with("/sys/nothing")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("mount /sys/nothing: destination: ")));
  EXPECT_THAT(*handler_->ListContainers("s"), IsEmpty());
}

TEST_F(PodTest, HooksFindTheHostInTheMountNamespaceOfInit) {
  // As libnvidia-container does. What it looks for must not be the image's.
  StartSandbox("s");
  Json config = Config("c", "true");
  const std::string script = absl::StrCat(
      "pid=$(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p') && nsenter -t "
      "$pid -m test -d ",
      dir_, "/state");
  config["hooks"]["createRuntime"] = {
      {{"path", "/bin/sh"}, {"args", {"sh", "-c", script}}}};
  EXPECT_THAT(Create("s", "c", config), IsOk());
}

TEST_F(PodTest, OutOfMemoryIsReportedEveryTime) {
  SandboxState sandbox = StartSandbox("s");
  for (int i = 0; i < 5; ++i) {
    std::string id = absl::StrCat("c", i);
    Json config = Config(id, "exec tail /dev/zero");
    config["linux"]["resources"]["memory"] = {{"limit", 15 << 20},
                                              {"swap", 15 << 20}};
    ASSERT_THAT(Create("s", id, config), IsOk());
    ASSERT_THAT(handler_->StartContainer("s", id), IsOk());
    ContainerState state = news_->Await(id, ContainerPhase::kExited);
    EXPECT_TRUE(state.oom_killed);
    EXPECT_EQ(state.exit_code, 137);
  }
  // Cve2019_14891: the one who watches is not in what is out of memory.
  auto living = handler_->StartSandbox({.id = "s"});
  ASSERT_THAT(living, IsOk());
  EXPECT_EQ(living->holder_pid, sandbox.holder_pid);
}

TEST_F(PodTest, ALimitTooSmallToStartIsNamed) {
  StartSandbox("s");
  Json config = Config("c", "exec sleep 1000");
  config["linux"]["resources"]["memory"] = {{"limit", 4096}};
  EXPECT_THAT(Create("s", "c", config),
              StatusIs(absl::StatusCode::kUnknown,
                       HasSubstr("out of memory: the limit")));
  EXPECT_THAT(*handler_->ListContainers("s"), IsEmpty());
  EXPECT_THAT(LeftProcesses(), IsEmpty());
}

TEST_F(PodTest, ExecRunsInTheContainer) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  auto result = handler_->ExecSync(
      "s", "c", {.args = {"/bin/sh", "-c", "hostname; ps -A >&2; exit 6"}});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_code, 6);
  EXPECT_EQ(result->standard_output, "pod-s\n");
  EXPECT_THAT(result->standard_error, HasSubstr("sleep"));
  EXPECT_THAT(handler_->ExecSync("s", "c", {.args = {"/nope"}}),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("/nope")));
}

TEST_F(PodTest, ExecOverItsTimeLeavesNoProcess) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  auto result = handler_->ExecSync(
      "s", "c",
      {.args = {"/bin/sh", "-c", "sleep 901 & (setsid sleep 902 &); sleep 903"},
       .timeout = absl::Milliseconds(500)});
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kDeadlineExceeded));
  auto left =
      handler_->ExecSync("s", "c", {.args = {"/bin/ps", "-A", "-o", "args"}});
  ASSERT_THAT(left, IsOk());
  EXPECT_THAT(left->standard_output, Not(HasSubstr("sleep 90")));
  EXPECT_THAT(left->standard_output, HasSubstr("sleep 1000"));
}

TEST_F(PodTest, ContainersShareThePodsPidNamespaceBehindAPause) {
  SandboxState sandbox = StartSandbox("s", /*share_pid=*/true);
  EXPECT_GT(sandbox.pause_pid, 0);
  Json config = Config("a", "sleep 800 & exec sleep 801");
  config["linux"]["namespaces"] = {{{"type", "mount"}}};
  ASSERT_THAT(Create("s", "a", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "a"), IsOk());
  config = Config("b", "ps -A -o pid,args; ls /proc/1/root/; exit 0");
  config["linux"]["namespaces"] = {{{"type", "mount"}}};
  ASSERT_THAT(Create("s", "b", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "b"), IsOk());
  news_->Await("b", ContainerPhase::kExited);
  EXPECT_THAT(Log("b"), HasSubstr("1 coracle-oci pause"));
  EXPECT_THAT(Log("b"), HasSubstr("sleep 801"));
  // What process 1 of the container started goes with it.
  ASSERT_THAT(handler_->KillContainer("s", "a", SIGKILL, false), IsOk());
  news_->Await("a", ContainerPhase::kExited);
  EXPECT_THAT(LeftProcesses(), IsEmpty());
  EXPECT_EQ(kill(sandbox.pause_pid, 0), 0);
}

TEST_F(PodTest, ASignalToAllReachesEveryProcessOnce) {
  StartSandbox("s");
  std::string trap = "trap 'echo got TERM' TERM; ";
  Run("s", "c",
      absl::StrCat(trap, "(", trap,
                   "echo ready; while :; do sleep 0.01; done) & echo ready; "
                   "while :; do sleep 0.01; done"));
  auto count = [&](absl::string_view text) {
    std::vector<std::string> parts = absl::StrSplit(Log("c"), text);
    return parts.size() - 1;
  };
  while (count("ready") < 2) absl::SleepFor(absl::Milliseconds(1));
  ASSERT_THAT(handler_->KillContainer("s", "c", SIGTERM, true), IsOk());
  while (count("got TERM") < 2) absl::SleepFor(absl::Milliseconds(1));
  ASSERT_THAT(handler_->KillContainer("s", "c", SIGKILL, true), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
  EXPECT_EQ(count("got TERM"), 2u);
  struct stat st;
  ASSERT_EQ(stat(LogPath("c").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0640u);
}

TEST_F(PodTest, ATerminalsOutputIsAllStdout) {
  StartSandbox("s");
  Json config =
      Config("c", "echo one; echo two >&2; [ -t 1 ] && echo terminal");
  config["process"]["terminal"] = true;
  config["mounts"].push_back(
      {{"destination", "/dev/pts"},
       {"type", "devpts"},
       {"source", "devpts"},
       {"options", {"newinstance", "ptmxmode=0666", "mode=0620"}}});
  ASSERT_THAT(Create("s", "c", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 0);
  EXPECT_EQ(Log("c"), "stdout F one\nstdout F two\nstdout F terminal\n");
}

TEST_F(PodTest, StandardInputIsEmptyUnlessItIsKeptOpen) {
  StartSandbox("s");
  Run("s", "closed", "cat; echo end");
  EXPECT_EQ(news_->Await("closed", ContainerPhase::kExited).exit_code, 0);
  EXPECT_EQ(Log("closed"), "stdout F end\n");
  ASSERT_THAT(Create("s", "open", Config("open", "cat; echo end"), true),
              IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "open"), IsOk());
  // The shell needs a moment to start cat, which then waits for input.
  std::string processes;
  const absl::Time end = absl::Now() + absl::Seconds(10);
  while (processes.find("cat") == std::string::npos && absl::Now() < end) {
    auto exec = handler_->ExecSync("s", "open", {.args = {"/bin/ps", "-A"}});
    ASSERT_THAT(exec, IsOk());
    processes = exec->standard_output;
  }
  EXPECT_THAT(processes, HasSubstr("cat"));
}

TEST_F(PodTest, AKilledDaemonLosesNothing) {
  // The daemon of this test is a process that is killed for real.
  handler_.reset();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  pid_t daemon = fork();
  if (daemon == 0) {
    handler_ = runtime::MakeBuiltinHandler(
        {.state_dir = dir_ + "/state", .launcher_binary = CORACLE_OCI});
    (void)handler_->Recover();
    StartSandbox("s");
    Run("s", "counts",
        "i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); sleep 0.02; "
        "done; exit 9");
    Run("s", "runs", "exec sleep 1000");
    if (write(ready[1], "", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(kill(daemon, SIGKILL), 0);
  waitpid(daemon, nullptr, 0);
  sandboxes_.push_back("s");
  Restart();
  ASSERT_THAT(found_, SizeIs(1));
  EXPECT_EQ(news_->Await("counts", ContainerPhase::kExited).exit_code, 9);
  EXPECT_EQ(news_->Count("runs"), 1);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    absl::StrAppend(&expected, "stdout F line ", i, "\n");
  }
  EXPECT_EQ(Log("counts"), expected);
}

TEST_F(PodTest, ADeadHoldersContainersAreEnded) {
  SandboxState sandbox = StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  EXPECT_THAT(FindTraces().processes, SizeIs(1));
  ASSERT_EQ(kill(sandbox.holder_pid, SIGKILL), 0);
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
  news_->Await("", ContainerPhase::kExited);
  EXPECT_THAT(LeftProcesses(), IsEmpty());
  EXPECT_THAT(FindTraces().mounts, IsEmpty());
}

TEST_F(PodTest, AnIdleHolderIsSmall) {
  SandboxState sandbox;
  // Two, as on any node: the program's own pages belong to both of them then.
  for (const std::string id : {"s", "t"}) {
    sandbox = StartSandbox(id);
    const std::string c = absl::StrCat("c", id), d = absl::StrCat("d", id);
    Run(id, c, "echo hello; exec sleep 1000");
    Run(id, d, "i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i+1)); done");
    news_->Await(d, ContainerPhase::kExited);
    ASSERT_THAT(handler_->ExecSync(id, c, {.args = {"/bin/true"}}), IsOk());
  }
  int64_t kilobytes = PrivateMemory(sandbox.holder_pid);
  RecordProperty("holder_private_kb", static_cast<int>(kilobytes));
  printf("holder: %lld kB private\n", static_cast<long long>(kilobytes));
  EXPECT_GT(kilobytes, 0);
  EXPECT_LT(kilobytes, 300);
}

TEST_F(PodTest, TwentyPodsAtOnceComeAndGo) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) sandboxes_.push_back(absl::StrCat("s", i));
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([this, i] {
      std::string sandbox = absl::StrCat("s", i), id = absl::StrCat("c", i);
      ASSERT_THAT(handler_->StartSandbox({.id = sandbox}), IsOk());
      Run(sandbox, id, absl::StrCat("echo ", i, "; exit ", i));
      EXPECT_EQ(news_->Await(id, ContainerPhase::kExited).exit_code, i);
      EXPECT_EQ(Log(id), absl::StrCat("stdout F ", i, "\n"));
      EXPECT_THAT(handler_->RemoveSandbox(sandbox), IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(*runtime::ListDir(dir_ + "/state/pods"), IsEmpty());
  EXPECT_THAT(LeftProcesses(), IsEmpty());
}

}  // namespace
}  // namespace tests
