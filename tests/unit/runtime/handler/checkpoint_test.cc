// SPDX-License-Identifier: Apache-2.0
// Checkpoints by a criu that is a script: who waits for whom, and what happens
// when one of them fails or goes. Needs root.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/handler/builtin.h"
#include "runtime/handler/launcher_client.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::tests::StatusIs;

// "hold" makes it wait, "broken" and "fails" make it fail; "dies" makes it end
// as one that is killed for want of memory.
constexpr char kCriu[] = R"(#!/bin/sh
cd DIR
case $1 in
--version) echo 'Version: 9.9' ;;
check) [ ! -e broken ] || { echo 'Error (criu/x.c:1): no such kernel' >&2; exit 1; } ;;
dump)
  echo "$@" >args
  while [ $# -gt 0 ]; do
    case $1 in --action-script) script=$2 ;; --images-dir) images=$2 ;; --work-dir) work=$2 ;; --freeze-cgroup) freezer=$2 ;; esac
    shift
  done
  echo image >"$images/core.img"
  echo '(00.1) Error (criu/y.c:2): the real reason' >"$work/dump.log"
  while [ -e hold ]; do sleep 0.02; done
  [ ! -e fails ] || exit 1
  if [ -e dies ]; then
    if [ -e "$freezer/freezer.state" ]; then echo FROZEN >"$freezer/freezer.state"
    else echo 1 >"$freezer/cgroup.freeze"; fi
    kill -9 $$
  fi
  CRTOOLS_SCRIPT_ACTION=post-dump "$script"
  code=$?
  echo $code >ended
  exit $code ;;
esac
)";

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to make namespaces";
    ASSERT_OK(WriteFileAtomic(
        dir_ / "criu", absl::StrReplaceAll(kCriu, {{"DIR", dir_.path()}}),
        0755));
    handler_ = MakeBuiltinHandler({.state_dir = dir_ / "state",
                                   .launcher_binary = FAKE_OCI,
                                   .criu_dirs = dir_.path()});
    ASSERT_OK(handler_->Recover());
    SandboxOptions sandbox;
    sandbox.id = "s";
    ASSERT_OK(handler_->StartSandbox(sandbox));
    ContainerOptions container;
    container.sandbox_id = "s";
    container.id = "c";
    const Json mounts = Json::array(
        {{{"destination", "/data"}, {"type", "bind"}, {"source", "/srv"}}});
    container.oci_config =
        DumpJson({{"process", {{"args", {"/bin/sh", "-c", "exec sleep 1000"}}}},
                  {"mounts", mounts},
                  {"linux", {{"cgroupsPath", cgroup_}}}});
    ASSERT_OK(handler_->CreateContainer(container));
    absl::StatusOr<ContainerState> state = handler_->StartContainer("s", "c");
    ASSERT_OK(state);
    pid_ = state->pid;
    options_.images_dir = dir_ / "images";
    options_.work_dir = dir_ / "work";
    options_.while_stopped = [] { return absl::OkStatus(); };
    ASSERT_OK(MakeDirs(options_.images_dir));
    ASSERT_OK(MakeDirs(options_.work_dir));
  }
  void TearDown() override {
    if (handler_ == nullptr) return;
    EXPECT_OK(handler_->RemoveSandbox("s"));
    EXPECT_EQ(cgroup::Remove(cgroup_), 0);
    handler_.reset();
    EXPECT_OK(StopLauncher(dir_ / "state"));
  }

  absl::Status Checkpoint() {
    return handler_->CheckpointContainer("s", "c", options_);
  }
  void Touch(const std::string& name) {
    ASSERT_OK(WriteFileAtomic(dir_ / name, ""));
  }
  // What the script wrote, once it is there.
  std::string Await(const std::string& name) {
    const absl::Time late = absl::Now() + absl::Seconds(20);
    while (!Exists(dir_ / name) && absl::Now() < late) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    return ReadFile(dir_ / name).value_or("nothing");
  }

  void AwaitExit() {
    const absl::Time late = absl::Now() + absl::Seconds(20);
    while (handler_->GetContainer("s", "c")->phase != ContainerPhase::kExited &&
           absl::Now() < late) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    EXPECT_EQ(handler_->GetContainer("s", "c")->phase, ContainerPhase::kExited);
  }

  const std::string cgroup_ = absl::StrCat("/coracle-checkpoint-", getpid());
  tests::TempDir dir_;
  std::unique_ptr<Handler> handler_;
  pid_t pid_ = 0;
  CheckpointOptions options_;
};

TEST_F(CheckpointTest, FilesAreTakenBeforeTheProcessesGoOn) {
  bool called = false;
  options_.while_stopped = [&] {
    called = true;
    EXPECT_EQ(*ReadFile(dir_ / "images/core.img"), "image\n");
    EXPECT_FALSE(Exists(dir_ / "ended"));
    return absl::OkStatus();
  };
  EXPECT_OK(Checkpoint());
  EXPECT_TRUE(called);
  EXPECT_EQ(Await("ended"), "0\n");
  EXPECT_THAT(*ReadFile(dir_ / "args"),
              AllOf(HasSubstr(absl::StrCat("--tree ", pid_, " ")),
                    HasSubstr("mnt[/data]:/data"), HasSubstr("net[")));
  EXPECT_THAT(*ReadFile(dir_ / "images/descriptors.json"), HasSubstr("pipe:["));
}

TEST_F(CheckpointTest, AnErrorOfTheCallerEndsIt) {
  options_.while_stopped = [] { return absl::ResourceExhaustedError("full"); };
  EXPECT_THAT(Checkpoint(),
              StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_NE(Await("ended"), "0\n");
}

TEST_F(CheckpointTest, TheReasonInCriusLogIsTold) {
  Touch("fails");
  EXPECT_THAT(Checkpoint(), StatusIs(absl::StatusCode::kUnknown,
                                     "criu dump: the real reason"));
}

TEST_F(CheckpointTest, ACriuThatCannotIsNotTried) {
  Touch("broken");
  EXPECT_THAT(Checkpoint(), StatusIs(absl::StatusCode::kUnimplemented,
                                     HasSubstr("no such kernel")));
  EXPECT_FALSE(Exists(dir_ / "args"));
}

TEST_F(CheckpointTest, WhatDoesNotRunIsRefused) {
  EXPECT_THAT(handler_->CheckpointContainer("s", "unknown", options_),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(handler_->KillContainer("s", "c", 9, false));
  AwaitExit();
  EXPECT_THAT(Checkpoint(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(Exists(dir_ / "args"));
}

TEST_F(CheckpointTest, TheDaemonsEndDoesNotEndIt) {
  Touch("hold");
  absl::Status made;
  std::thread checkpoint([&] { made = Checkpoint(); });
  EXPECT_NE(Await("args"), "nothing");
  handler_->EndWaits();
  EXPECT_OK(RemoveTree(dir_ / "hold"));
  checkpoint.join();
  EXPECT_OK(made);
  handler_.reset();
  handler_ = MakeBuiltinHandler(
      {.state_dir = dir_ / "state", .launcher_binary = FAKE_OCI});
  ASSERT_OK(handler_->Recover());
}

TEST_F(CheckpointTest, CriuEndsInOrderWhenTimeIsUp) {
  Touch("hold");
  options_.deadline = absl::Now() + absl::Milliseconds(100);
  std::thread later([this] {
    absl::SleepFor(options_.deadline + absl::Milliseconds(50) - absl::Now());
    ASSERT_OK(RemoveTree(dir_ / "hold"));
  });
  EXPECT_THAT(Checkpoint(), StatusIs(absl::StatusCode::kDeadlineExceeded));
  later.join();
  // It was neither killed nor left behind, and gave up by itself.
  EXPECT_NE(ReadFile(dir_ / "ended").value_or("killed"), "killed");
  EXPECT_NE(ReadFile(dir_ / "ended").value_or("0\n"), "0\n");
}

TEST_F(CheckpointTest, ACriuThatIsKilledLeavesNothingFrozen) {
  ASSERT_OK_AND_ASSIGN(cgroup::Cgroup cgroup, cgroup::Cgroup::At(cgroup_));
  const cgroup::Layout& layout = cgroup.layout();
  const cgroup::Hierarchy* freezer =
      layout.v2 ? layout.Unified() : layout.Find("freezer");
  if (freezer == nullptr) GTEST_SKIP() << "this host has no freezer";
  ASSERT_OK(cgroup.Create());
  ASSERT_OK(WriteFile(cgroup.Directory(*freezer) + "/cgroup.procs",
                      absl::StrCat(pid_)));
  Touch("dies");
  EXPECT_THAT(Checkpoint(), StatusIs(absl::StatusCode::kUnknown));
  EXPECT_THAT(Await("args"), HasSubstr(cgroup.Directory(*freezer)));
  EXPECT_FALSE(cgroup.IsFrozen());
  EXPECT_OK(handler_->KillContainer("s", "c", SIGKILL, false));
  AwaitExit();
}

TEST_F(CheckpointTest, WhatRunsToTheEndOutlivesWhoAsked) {
  handler::LauncherClient launcher(dir_ / "state", FAKE_OCI);
  Touch("hold");
  {
    ASSERT_OK_AND_ASSIGN(
        const handler::Command dropped,
        launcher.Begin(
            {dir_ / "criu", "dump", "--action-script", "/bin/true",
             "--images-dir", dir_ / "images", "--work-dir", dir_ / "work"},
            hold::kRunToTheEnd));
    EXPECT_THAT(Await("args"), HasSubstr("dump"));
  }
  ASSERT_OK(RemoveTree(dir_ / "hold"));
  EXPECT_EQ(Await("ended"), "0\n");
}

}  // namespace
}  // namespace runtime
