// SPDX-License-Identifier: Apache-2.0
// Pods whose containers another OCI runtime makes: runc, crun where it can run,
// and coracle-oci called as one. All of them behave as the built-in handler.
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/component/hold/stream_fixture.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

using ::runtime::ContainerPhase;
using ::runtime::ContainerState;
using ::runtime::Json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class ExternalTest : public StreamTest,
                     public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    path_ = GetParam();
    if (!runtime::Exists(path_)) {
      GTEST_SKIP() << path_ << " is not installed";
    }
    const bool hybrid =
        !runtime::ReadFile("/sys/fs/cgroup/unified/cgroup.controllers")
             .value_or("")
             .empty();
    if (absl::EndsWith(path_, "/crun") && hybrid) {
      GTEST_SKIP() << "crun does not run on a host whose controllers are of "
                      "both versions of cgroups";
    }
    runtime_name_ = "other";
    StreamTest::SetUp();
    if (IsSkipped()) return;
    runtimes_["other"] = {.path = path_, .root = dir_ + "/root"};
    Restart();
  }
  void TearDown() override {
    StreamTest::TearDown();
    if (!dir_.empty()) {
      EXPECT_FALSE(runtime::Exists(dir_));
    }
  }
  // What the runtime itself still knows.
  std::vector<std::string> Known() const {
    auto names = runtime::ListDir(dir_ + "/root");
    return names.ok() ? *names : std::vector<std::string>();
  }

  std::string path_;
};

TEST_P(ExternalTest, RunsToItsEndAndLeavesNothing) {
  StartSandbox("s");
  auto created = Create("s", "c",
                        Config("c",
                               "echo out; echo err >&2; hostname; "
                               "cat /proc/sys/kernel/shm_rmid_forced; "
                               "exit 3"));
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->phase, ContainerPhase::kCreated);
  EXPECT_GT(created->pid, 1);
  EXPECT_THAT(Known(), SizeIs(1));
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  ContainerState exited = news_->Await("c", ContainerPhase::kExited);
  EXPECT_EQ(exited.exit_code, 3);
  EXPECT_LE(exited.created_at, exited.started_at);
  EXPECT_LE(exited.started_at, exited.finished_at);
  EXPECT_THAT(Log("c"),
              AllOf(HasSubstr("stdout F out\n"), HasSubstr("stderr F err\n"),
                    HasSubstr("stdout F pod-s\n"), HasSubstr("stdout F 1\n")));
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
  EXPECT_THAT(Known(), IsEmpty());
  EXPECT_FALSE(runtime::Exists(dir_ + "/state/pods/s/c.bundle"));
  EXPECT_THAT(FindTraces().processes, IsEmpty());
}

TEST_P(ExternalTest, AContainerThatEndsAtOnceIsToldInOrder) {
  StartSandbox("s");
  for (int i = 0; i < 10; ++i) {
    const std::string id = absl::StrCat("c", i);
    ContainerState started = Run("s", id, absl::StrCat("exit ", i));
    EXPECT_NE(started.started_at, absl::InfinitePast());
    news_->Await(id, ContainerPhase::kRunning);
    EXPECT_EQ(news_->Await(id, ContainerPhase::kExited).exit_code, i);
    EXPECT_THAT(handler_->RemoveContainer("s", id), IsOk());
  }
}

TEST_P(ExternalTest, ARuntimesErrorComesInOneLineAndLeavesNothing) {
  StartSandbox("s");
  Json config = Config("c", "");
  config["mounts"].push_back({{"destination", "/m"},
                              {"type", "bind"},
                              {"source", "/no/such/source"},
                              {"options", {"rbind"}}});
  auto created = Create("s", "c", config);
  EXPECT_THAT(created, StatusIs(absl::StatusCode::kUnknown,
                                HasSubstr("/no/such/source")));
  EXPECT_THAT(created.status().message(), Not(HasSubstr("\n")));
  EXPECT_THAT(*handler_->ListContainers("s"), IsEmpty());
  EXPECT_THAT(Known(), IsEmpty());
  EXPECT_FALSE(runtime::Exists(dir_ + "/state/pods/s/c.bundle"));
}

TEST_P(ExternalTest, WhatThisProcessMayNotGiveIsCut) {
  StartSandbox("s");
  Json config = Config("c", "exec sleep 1000");
  config["process"]["oomScoreAdj"] = -999;
  config["process"]["rlimits"] = {{{"type", "RLIMIT_NOFILE"},
                                   {"soft", uint64_t{1} << 40},
                                   {"hard", uint64_t{1} << 40}}};
  for (const char* set : {"bounding", "effective", "permitted"}) {
    config["process"]["capabilities"][set].push_back("CAP_SYS_RESOURCE");
  }
  if (access("/proc/sys/fs/nr_open", R_OK) == 0 &&
      absl::StrContains(runtime::ReadFile("/proc/self/status").value_or(""),
                        "CapEff:\t000001ffffffffff")) {
    GTEST_SKIP() << "this process may give everything";
  }
  ASSERT_THAT(Create("s", "c", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  EXPECT_THAT(handler_->ExecSync("s", "c", {.args = {"/bin/true"}}), IsOk());
}

TEST_P(ExternalTest, SignalsReachIt) {
  StartSandbox("s");
  Run("s", "c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done");
  while (!absl::StrContains(Log("c"), "ready")) usleep(1000);
  EXPECT_THAT(handler_->KillContainer("s", "c", SIGTERM, false), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 5);
  Run("s", "d", "exec sleep 1000");
  EXPECT_THAT(handler_->KillContainer("s", "d", SIGKILL, true), IsOk());
  EXPECT_EQ(news_->Await("d", ContainerPhase::kExited).exit_code, 137);
}

TEST_P(ExternalTest, ACreatedOneCanBeRemoved) {
  StartSandbox("s");
  ASSERT_THAT(Create("s", "c", Config("c", "exit 0")), IsOk());
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
  EXPECT_THAT(Known(), IsEmpty());
}

TEST_P(ExternalTest, ExecGivesOutputAndExitCode) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  auto result = handler_->ExecSync(
      "s", "c", {.args = {"/bin/sh", "-c", "hostname; echo err >&2; exit 5"}});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_code, 5);
  EXPECT_EQ(result->standard_output, "pod-s\n");
  EXPECT_EQ(result->standard_error, "err\n");
  EXPECT_THAT(handler_->ExecSync("s", "c", {.args = {"/nope"}}),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("/nope")));
  result =
      handler_->ExecSync("s", "c",
                         {.args = {"/bin/sh", "-c", "sleep 999 & sleep 998"},
                          .timeout = absl::Seconds(1)});
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(Processes(), Not(HasSubstr("sleep 99")));
}

TEST_P(ExternalTest, ARuntimeThatHangsInAnExecEndsWithIt) {
  const std::string hangs = dir_ + "/hangs", hung = dir_ + "/hung";
  ASSERT_THAT(
      runtime::WriteFileAtomic(
          hangs, absl::StrCat("#!/bin/sh\ncase \" $* \" in *\" exec \"*)\n",
                              "echo $$ >", hung, "; exec sleep 997;; esac\n",
                              "exec ", path_, " \"$@\"\n")),
      IsOk());
  ASSERT_EQ(chmod(hangs.c_str(), 0755), 0);
  runtimes_["other"].path = hangs;
  Restart();
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  EXPECT_THAT(handler_->ExecSync(
                  "s", "c", {.args = {"true"}, .timeout = absl::Seconds(1)}),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  pid_t pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(runtime::ReadFile(hung).value_or("none"), &pid));
  // It dies of its parent's death.
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (kill(pid, 0) == 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(2));
  }
  EXPECT_EQ(kill(pid, 0), -1) << "process " << pid << " is still there";
}

TEST_P(ExternalTest, AnExecHasInputAndATerminal) {
  Start("exec sleep 1000");
  auto talk = Exec("cat; exit 4");
  talk->Write("through\n");
  talk->session().CloseInput();
  EXPECT_EQ(talk->ReadAll(), "through\n");
  EXPECT_EQ(talk->Outcome().value_or(-1), 4);
  talk = Exec("stty size; read x; stty size; exit 6", kTty);
  ASSERT_THAT(talk->session().Resize(30, 100), IsOk());
  talk->Write("\n");
  EXPECT_THAT(talk->ReadAll(), HasSubstr("30 100"));
  EXPECT_EQ(talk->Outcome().value_or(-1), 6);
}

TEST_P(ExternalTest, AttachSharesInputAndOutput) {
  Start("while read line; do echo got $line; done",
        {.tty = false, .stdin_open = true, .stdin_once = true});
  auto talk = Attach({.in = true, .out = true, .err = true});
  talk->Write("hello\n");
  EXPECT_THAT(talk->ReadUntil("got hello\n"), HasSubstr("got hello\n"));
  talk->session().CloseInput();
  EXPECT_EQ(talk->Outcome().value_or(-1), 0);
  EXPECT_THAT(Log("c"), HasSubstr("stdout F got hello\n"));
}

TEST_P(ExternalTest, ATerminalIsKeptByTheHolder) {
  Start("stty size; read x; echo got $x",
        {.tty = true, .stdin_open = true, .stdin_once = false});
  auto talk = Attach({.tty = true, .in = true, .out = true});
  ASSERT_THAT(talk->session().Resize(20, 70), IsOk());
  talk->Write("word\n");
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 0);
  EXPECT_THAT(Log("c"), HasSubstr("stdout F got word\n"));
}

TEST_P(ExternalTest, AKilledDaemonLosesNothing) {
  StartSandbox("s");
  ContainerState running = Run("s", "running", "exec sleep 1000");
  ASSERT_THAT(Create("s", "created", Config("created", "exit 8")), IsOk());
  Run("s", "exited", "echo last words; exit 7");
  Restart();
  ASSERT_THAT(found_, SizeIs(1));
  EXPECT_EQ(news_->Await("running", ContainerPhase::kRunning).pid, running.pid);
  EXPECT_EQ(news_->Await("exited", ContainerPhase::kExited).exit_code, 7);
  EXPECT_THAT(Log("exited"), HasSubstr("last words"));
  EXPECT_THAT(handler_->StartContainer("s", "created"), IsOk());
  EXPECT_EQ(news_->Await("created", ContainerPhase::kExited).exit_code, 8);
  EXPECT_THAT(handler_->ExecSync("s", "running", {.args = {"/bin/true"}}),
              IsOk());
  EXPECT_THAT(handler_->RemoveSandbox("s"), IsOk());
  EXPECT_THAT(Known(), IsEmpty());
}

TEST_P(ExternalTest, AHandlerThatIsNoLongerConfiguredStillServesItsPods) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  runtimes_.clear();
  Restart();
  EXPECT_THAT(handler_->ExecSync("s", "c", {.args = {"/bin/true"}}), IsOk());
  EXPECT_THAT(handler_->StartSandbox({.id = "t", .handler = "other"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"other\" is not known")));
  EXPECT_THAT(handler_->RemoveSandbox("s"), IsOk());
  EXPECT_THAT(Known(), IsEmpty());
}

TEST_P(ExternalTest, ADeadHoldersContainersAreEndedAndForgotten) {
  runtime::SandboxState sandbox = StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  ASSERT_THAT(Create("s", "d", Config("d", "exit 0")), IsOk());
  ASSERT_EQ(kill(sandbox.holder_pid, SIGKILL), 0);
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
  EXPECT_EQ(news_->Await("", ContainerPhase::kExited).sandbox_id, "s");
  EXPECT_THAT(Known(), IsEmpty());
}

TEST_P(ExternalTest, ContainersShareThePodsPidNamespace) {
  runtime::SandboxState sandbox = StartSandbox("s", true);
  ASSERT_GT(sandbox.pause_pid, 0);
  Json config = Config("c", "cat /proc/1/comm; sleep 1000 & exit 2");
  config["linux"]["namespaces"] = {{{"type", "mount"}}};
  ASSERT_THAT(Create("s", "c", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 2);
  EXPECT_THAT(Log("c"), HasSubstr("stdout F pause\n"));
}

TEST_P(ExternalTest, VolumesOfImagesAreMounted) {
  StartSandbox("s");
  const std::string layer = dir_ + "/layer";
  const std::string below = dir_ + "/below";
  ASSERT_THAT(runtime::MakeDirs(layer + "/part"), IsOk());
  ASSERT_THAT(runtime::MakeDirs(below), IsOk());
  ASSERT_THAT(runtime::WriteFileAtomic(layer + "/part/file", "inside"), IsOk());
  Json config = Config("c", "cat /v/file; echo x >/v/new");
  config["mounts"].push_back(
      {{"destination", "/v"},
       {"type", "overlay"},
       {"source", "overlay"},
       {"options",
        {"ro", absl::StrCat("lowerdir=", layer, ":", below),
         "coracle.subpath=/part"}}});
  ASSERT_THAT(Create("s", "c", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  EXPECT_NE(news_->Await("c", ContainerPhase::kExited).exit_code, 0);
  EXPECT_THAT(Log("c"), HasSubstr("inside"));
  EXPECT_FALSE(runtime::Exists(layer + "/part/new"));
}

TEST_P(ExternalTest, LimitsCanBeChanged) {
  StartSandbox("s");
  Run("s", "c", "exec sleep 1000");
  ASSERT_THAT(handler_->UpdateContainer("s", "c", R"({"pids": {"limit": 77}})"),
              IsOk());
  std::string file;
  for (const char* base : {"/sys/fs/cgroup/pids/", "/sys/fs/cgroup/"}) {
    file = absl::StrCat(base, name_, "/", name_, "-c-c/pids.max");
    if (runtime::Exists(file)) break;
  }
  EXPECT_EQ(runtime::ReadFile(file).value_or(file), "77\n");
}

TEST_P(ExternalTest, TellsItsFeatures) {
  runtime::HandlerFeatures features = handler_->Features("other");
  const bool tells = !absl::EndsWith(path_, "/crun");
  EXPECT_EQ(features.recursive_read_only_mounts,
            tells && handler_->Features("").recursive_read_only_mounts);
  EXPECT_FALSE(features.user_namespaces);
  EXPECT_THAT(features.no_user_namespaces, HasSubstr(path_));
  EXPECT_FALSE(handler_->Features("nobody").recursive_read_only_mounts);
}

std::string NameOf(const ::testing::TestParamInfo<const char*>& info) {
  std::string path = info.param;
  std::string name = path.substr(path.rfind('/') + 1);
  return name == "coracle-oci" ? "coracle" : name;
}

INSTANTIATE_TEST_SUITE_P(Runtimes, ExternalTest,
                         ::testing::Values("/usr/sbin/runc", "/usr/bin/crun",
                                           CORACLE_OCI),
                         NameOf);

}  // namespace
}  // namespace tests
