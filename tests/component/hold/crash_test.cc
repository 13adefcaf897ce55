// SPDX-License-Identifier: Apache-2.0
// Daemons that die at the worst moments, and peers that talk nonsense.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/hold/socket.h"
#include "runtime/hold/wire.h"
#include "tests/component/hold/pod_fixture.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

using ::runtime::ContainerPhase;
using ::runtime::ContainerState;
using ::runtime::SandboxState;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class CrashTest : public PodTest {
 protected:
  // A daemon that starts pods "s0"… on four threads until it is killed.
  pid_t StartBusyDaemon() {
    handler_.reset();
    pid_t pid = fork();
    if (pid != 0) return pid;
    handler_ = runtime::MakeBuiltinHandler(
        {.state_dir = dir_ + "/state", .launcher_binary = CORACLE_OCI});
    (void)handler_->Recover();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([this, i] {
        for (int n = i; n < 1000; n += 4) {
          std::string id = absl::StrCat("s", n);
          (void)handler_->StartSandbox({.id = id, .share_pid = n % 3 == 0});
          Run(id, absl::StrCat("c", n), "echo started; exec sleep 1000");
        }
      });
    }
    pause();
    _exit(0);
  }
};

TEST_F(CrashTest, ADaemonKilledAtAnyMomentLeavesWholePodsOnly) {
  std::mt19937 random(7);
  for (int round = 0; round < 8; ++round) {
    pid_t daemon = StartBusyDaemon();
    // Not a wait for something: the moment of death is what is varied.
    absl::SleepFor(absl::Milliseconds(20 + random() % 300));
    ASSERT_EQ(kill(daemon, SIGKILL), 0);
    waitpid(daemon, nullptr, 0);
    Restart();
    size_t running = 0;
    for (const SandboxState& sandbox : found_) {
      auto containers = handler_->ListContainers(sandbox.id);
      ASSERT_THAT(containers, IsOk());
      for (const ContainerState& container : *containers) {
        EXPECT_NE(container.phase, ContainerPhase::kExited) << container.id;
        ++running;
      }
    }
    printf("round %d: %zu pods, %zu containers found\n", round, found_.size(),
           running);
    for (const SandboxState& sandbox : found_) {
      EXPECT_THAT(handler_->RemoveSandbox(sandbox.id), IsOk());
    }
    EXPECT_THAT(*runtime::ListDir(dir_ + "/state/pods"), IsEmpty());
    EXPECT_THAT(LeftProcesses(), IsEmpty());
    EXPECT_THAT(FindTraces().mounts, IsEmpty());
  }
}

TEST_F(CrashTest, APlanThatCannotBeReadLeavesNoCgroups) {
  runtime::SandboxOptions options;
  options.id = "s";
  options.cgroup_parent = "/" + name_;
  ASSERT_OK_AND_ASSIGN(const SandboxState sandbox,
                       handler_->StartSandbox(options));
  sandboxes_.push_back("s");
  runtime::Json config = Config("c", "exec sleep 1000");
  config["linux"]["cgroupsPath"] = absl::StrCat("/", name_, "/c");
  ASSERT_THAT(Create("s", "c", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  EXPECT_THAT(FindTraces().cgroups, Not(IsEmpty()));
  ASSERT_THAT(runtime::WriteFile(dir_ + "/state/pods/s/c.plan", "cut"), IsOk());
  EXPECT_THAT(handler_->UpdateContainer("s", "c", "{}"),
              StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_EQ(kill(sandbox.holder_pid, SIGKILL), 0);
  news_->Await("", ContainerPhase::kExited);
  EXPECT_THAT(FindTraces().cgroups, IsEmpty());
  EXPECT_THAT(LeftProcesses(), IsEmpty());
}

TEST_F(CrashTest, GarbageOnTheSocketsIsSurvived) {
  SandboxState sandbox = StartSandbox("s");
  ContainerState container = Run("s", "c", "exec sleep 1000");
  std::mt19937 random(3);
  for (const char* path : {"/state/pods/s", "/state"}) {
    auto dir = runtime::OpenFile(dir_ + path, O_RDONLY | O_DIRECTORY);
    ASSERT_THAT(dir, IsOk());
    const char* name =
        std::string(path) == "/state" ? "launch.sock" : "holder.sock";
    for (int i = 0; i < 200; ++i) {
      runtime::UniqueFd peer(runtime::hold::ConnectAt(dir->get(), name));
      ASSERT_TRUE(peer.ok());
      std::string data(1 + random() % 4000, '\0');
      for (char& c : data) c = static_cast<char>(random());
      int fds[4] = {0, 0, 0, 0};
      runtime::hold::SendMessage(peer.get(), data, fds, 4);
    }
  }
  auto again = handler_->GetContainer("s", "c");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->pid, container.pid);
  auto files =
      runtime::ListDir(absl::StrCat("/proc/", sandbox.holder_pid, "/fd"));
  ASSERT_THAT(files, IsOk());
  EXPECT_LT(files->size(), 30u);  // nothing that came was kept
  StartSandbox("t");
}

// Well formed, but not what the descriptors or the time allow.
TEST_F(CrashTest, ContradictoryStreamRequestsAreRefused) {
  namespace hold = runtime::hold;
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  auto dir = runtime::OpenFile(dir_ + "/state/pods/s", O_RDONLY | O_DIRECTORY);
  ASSERT_THAT(dir, IsOk());
  const uint32_t all = hold::kStreamIn | hold::kStreamOut | hold::kStreamErr;
  for (auto type : {hold::RequestType::kExecStream, hold::RequestType::kAttach,
                    hold::RequestType::kCloseInput}) {
    for (uint32_t flags : {0u, all, ~0u}) {
      runtime::UniqueFd peer(hold::ConnectAt(dir->get(), "holder.sock"));
      ASSERT_TRUE(peer.ok());
      const int fds[3] = {0, 0, 0};
      const bool none = type == hold::RequestType::kCloseInput;
      hold::Request request{.type = type, .id = "c", .flags = flags};
      ASSERT_EQ(hold::SendMessage(peer.get(), Encode(request), fds,
                                  none || flags != 0 ? 0 : 3),
                0);
      if (none) continue;  // it has no answer
      hold::Received received;
      ASSERT_EQ(hold::ReceiveMessage(peer.get(), &received), 0);
      hold::Reply reply;
      ASSERT_TRUE(Decode(received.data, &reply));
      EXPECT_EQ(reply.code,
                static_cast<int>(absl::StatusCode::kInvalidArgument));
    }
  }
  EXPECT_EQ(handler_->GetContainer("s", "c")->phase, ContainerPhase::kRunning);
}

TEST_F(CrashTest, SocketsAndDirectoriesAreForRootOnly) {
  StartSandbox("s");
  struct {
    const char* path;
    mode_t mode;
  } const cases[] = {{"/state", 0700},
                     {"/state/pods", 0700},
                     {"/state/pods/s", 0700},
                     {"/state/launch.sock", 0600},
                     {"/state/pods/s/holder.sock", 0600},
                     {"/state/pods/s/sandbox.rec", 0600}};
  for (const auto& c : cases) {
    struct stat st;
    ASSERT_EQ(stat((dir_ + c.path).c_str(), &st), 0) << c.path;
    EXPECT_EQ(st.st_mode & 0777, c.mode) << c.path;
  }
  // Cve2020_15257: no abstract socket, which a host-network pod could reach.
  auto sockets = runtime::ReadFile("/proc/net/unix");
  ASSERT_THAT(sockets, IsOk());
  EXPECT_THAT(*sockets, Not(::testing::ContainsRegex("@.*coracle")));
}

TEST_F(CrashTest, AnotherBinaryReplacesTheLauncherAndPodsLiveOn) {
  SandboxState sandbox = StartSandbox("s");
  ContainerState container = Run("s", "c", "exec sleep 1000");
  handler_.reset();
  std::string copy = dir_ + "/coracle-oci-new";
  ASSERT_EQ(system(absl::StrCat("cp ", CORACLE_OCI, " ", copy).c_str()), 0);
  handler_ = runtime::MakeBuiltinHandler(
      {.state_dir = dir_ + "/state", .launcher_binary = copy});
  auto found = handler_->Recover();
  ASSERT_THAT(found, IsOk());
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_EQ((*found)[0].holder_pid, sandbox.holder_pid);
  EXPECT_EQ(handler_->GetContainer("s", "c")->pid, container.pid);
  SandboxState next = StartSandbox("t");
  struct stat given, real;
  ASSERT_EQ(stat(copy.c_str(), &given), 0);
  ASSERT_EQ(
      stat(absl::StrCat("/proc/", next.holder_pid, "/exe").c_str(), &real), 0);
  EXPECT_EQ(given.st_ino, real.st_ino);
}

TEST_F(CrashTest, ANewDaemonKeepsTheLauncher) {
  auto launcher = [this] {
    auto dir = runtime::OpenFile(dir_ + "/state", O_RDONLY | O_DIRECTORY);
    runtime::UniqueFd peer(runtime::hold::ConnectAt(dir->get(), "launch.sock"));
    pid_t pid = 0;
    EXPECT_TRUE(runtime::hold::PeerIsRoot(peer.get(), &pid));
    return pid;
  };
  pid_t first = launcher();
  Restart();
  EXPECT_EQ(launcher(), first);
  // Nor does a second one push in.
  EXPECT_NE(system(absl::StrCat(CORACLE_OCI, " launch --state ", dir_,
                                "/state 2>/dev/null")
                       .c_str()),
            0);
  EXPECT_EQ(launcher(), first);
}

TEST_F(CrashTest, AMissingLauncherBinaryIsOneClearError) {
  handler_ = runtime::MakeBuiltinHandler(
      {.state_dir = dir_ + "/other", .launcher_binary = "/nope/coracle-oci"});
  EXPECT_THAT(handler_->Recover(), IsOk());
  EXPECT_THAT(handler_->Ready(),
              StatusIs(absl::StatusCode::kNotFound,
                       ::testing::HasSubstr("/nope/coracle-oci")));
  EXPECT_THAT(handler_->StartSandbox({.id = "s"}),
              StatusIs(absl::StatusCode::kNotFound,
                       ::testing::HasSubstr("/nope/coracle-oci")));
}

}  // namespace
}  // namespace tests
