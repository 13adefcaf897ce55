// SPDX-License-Identifier: Apache-2.0
// What the handler does when an OCI runtime hangs, fails or is killed. The
// runtime is a shell script that does as a file beside it says. Needs root.
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/handler/builtin.h"
#include "runtime/handler/runtimes.h"
#include "tests/support/handler_news.h"
#include "tests/support/status_matchers.h"

namespace runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::tests::IsOk;
using ::tests::StatusIs;

// <root>/<id>/go starts what create has made; <root>/mode is what goes wrong.
constexpr char kRuntime[] = R"sh(#!/bin/sh
here=$(dirname "$0") log=/dev/null
while :; do
  case $1 in
  --root) root=$2; shift 2 ;;
  --log) log=$2; shift 2 ;;
  --log-format) shift 2 ;;
  *) break ;;
  esac
done
command=$1; shift
mode=$(cat "$here/root/mode")
fail() { printf '{"level":"error","msg":"fake failed:\\n%s"}\n' "$1" >>"$log"; exit 1; }
case $command in
features)
  [ "$mode" != silent ] || exit 1
  [ "$mode" != hang ] || exec sleep 1000
  echo '{"ociVersionMax": "1", "mountOptions": ["rro"]}' ;;
create)
  pid_file=$4 id=$5
  mkdir "$root/$id"
  [ "$mode" != hang ] || { echo $$ >"$root/hanging"; exec sleep 1000; }
  case $mode in create | fruitless) fail "no luck" ;; esac
  mkfifo "$root/$id/go"
  (exec 3<>"$root/$id/go"; read x <&3; echo "started $x"; exit 6) &
  echo $! | tee "$root/$id/pid" >"$pid_file" ;;
start)
  [ "$mode" != start ] || fail "not today"
  [ "$mode" != orphan ] || kill -9 $PPID
  echo well >"$root/$1/go"
  [ "$mode" != slow ] || sleep 0.3 ;;
delete)
  if [ "$mode" = held ]; then
    : >"$root/deleting"
    until [ -e "$root/release" ]; do sleep 0.01; done
  fi
  case $mode in stuck | fruitless) fail "cannot" ;; esac
  if [ "$mode" = stranger ]; then
    kill -9 "$(cat "$root/$2/pid")"
    echo "container does not exist" >&2
    fail "container does not exist"
  fi
  kill -9 "$(cat "$root/$2/pid")"; rm -rf "$root/$2" ;;
esac
)sh";

class ExternalRuntimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to make namespaces";
    char name[] = "/tmp/r2-external-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
    ASSERT_THAT(WriteFileAtomic(dir_ + "/fake", kRuntime, 0700), IsOk());
    ASSERT_THAT(MakeDirs(dir_ + "/root"), IsOk());
    SetMode("none");
    news_ = std::make_unique<tests::News>();
    handler_ = MakeBuiltinHandler(
        {.state_dir = dir_ + "/state", .launcher_binary = FAKE_OCI});
    handler_->SetRuntimes(
        {{"fake", {.path = dir_ + "/fake", .root = dir_ + "/root"}},
         {"alias", {}}});
    handler_->SetListener(news_->Listener());
    ASSERT_THAT(handler_->Recover(), IsOk());
    auto state = handler_->StartSandbox({.id = "s", .handler = "fake"});
    ASSERT_THAT(state, IsOk());
    holder_ = state->holder_pid;
  }
  void TearDown() override {
    if (handler_ == nullptr) return;
    EXPECT_THAT(handler_->RemoveSandbox("s"), IsOk());
    EXPECT_THAT(*ListDir(dir_ + "/state/pods"), IsEmpty());
    handler_.reset();
    EXPECT_THAT(StopLauncher(dir_ + "/state"), IsOk());
    EXPECT_THAT(RemoveTree(dir_), IsOk());
  }
  void SetMode(const std::string& mode) {
    ASSERT_THAT(WriteFileAtomic(dir_ + "/root/mode", mode), IsOk());
  }
  absl::StatusOr<ContainerState> Create(const std::string& id,
                                        const std::string& sandbox = "s") {
    ContainerOptions options;
    options.sandbox_id = sandbox;
    options.id = id;
    options.oci_config =
        DumpJson({{"process", {{"args", {"/x"}}}},
                  {"linux", {{"cgroupsPath", "/r2-none/" + id}}}});
    options.rootfs_dir = dir_;
    options.log_path = dir_ + "/log";
    return handler_->CreateContainer(options);
  }
  bool Knows(const std::string& id) const {
    return Exists(absl::StrCat(dir_, "/root/", id));
  }

  std::string dir_;
  pid_t holder_ = 0;
  std::unique_ptr<tests::News> news_;
  std::unique_ptr<Handler> handler_;
};

TEST_F(ExternalRuntimeTest, RunsAContainerToItsEnd) {
  ASSERT_THAT(Create("c"), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 6);
  EXPECT_THAT(ReadFile(dir_ + "/log").value_or(""),
              HasSubstr("stdout F started well\n"));
  EXPECT_TRUE(Knows("c"));
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
  EXPECT_FALSE(Knows("c"));
}

TEST_F(ExternalRuntimeTest, AnEndBeforeStartHasReturnedWaitsForIt) {
  SetMode("slow");
  ASSERT_THAT(Create("c"), IsOk());
  auto started = handler_->StartContainer("s", "c");
  ASSERT_THAT(started, IsOk());
  EXPECT_NE(started->started_at, absl::InfinitePast());
  ContainerState exited = news_->Await("c", ContainerPhase::kExited);
  EXPECT_EQ(exited.exit_code, 6);
  EXPECT_EQ(exited.started_at, started->started_at);
  EXPECT_LE(exited.started_at, exited.finished_at);
}

TEST_F(ExternalRuntimeTest, AFailedCreateIsOneLineAndUndone) {
  SetMode("create");
  EXPECT_THAT(Create("c"), StatusIs(absl::StatusCode::kUnknown,
                                    AllOf(HasSubstr("fake failed:; no luck"),
                                          Not(HasSubstr("\n")))));
  EXPECT_FALSE(Knows("c"));
  EXPECT_THAT(*handler_->ListContainers("s"), IsEmpty());
  EXPECT_FALSE(Exists(dir_ + "/state/pods/s/c.bundle"));
}

TEST_F(ExternalRuntimeTest, AFailedStartEndsTheContainerWithTheReason) {
  SetMode("start");
  ASSERT_THAT(Create("c"), IsOk());
  EXPECT_THAT(
      handler_->StartContainer("s", "c"),
      StatusIs(absl::StatusCode::kUnknown, HasSubstr("fake failed:; not")));
  ContainerState state = news_->Await("c", ContainerPhase::kExited);
  EXPECT_EQ(state.exit_code, 128);
  EXPECT_THAT(state.message, HasSubstr("not today"));
}

TEST_F(ExternalRuntimeTest, AStarterThatIsKilledEndsTheContainer) {
  SetMode("orphan");
  ASSERT_THAT(Create("c"), IsOk());
  EXPECT_THAT(
      handler_->StartContainer("s", "c"),
      StatusIs(absl::StatusCode::kUnknown, HasSubstr("ended unexpectedly")));
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 128);
}

TEST_F(ExternalRuntimeTest, ACreateThatHangsCanBeRemoved) {
  SetMode("hang");
  absl::Status created;
  std::thread creator([&] { created = Create("c").status(); });
  while (!Exists(dir_ + "/root/hanging")) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  SetMode("none");
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
  creator.join();
  EXPECT_FALSE(created.ok());
  EXPECT_FALSE(Knows("c"));
  const std::string pid = ReadFile(dir_ + "/root/hanging").value_or("");
  // It dies of its parent's death, and then the holder reaps it.
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (kill(atoi(pid.c_str()), 0) == 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_NE(kill(atoi(pid.c_str()), 0), 0) << "the runtime outlived its call";
}

TEST_F(ExternalRuntimeTest, ADeleteThatFailsIsToldAndTriedAgain) {
  ASSERT_THAT(Create("c"), IsOk());
  SetMode("stuck");
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(handler_->RemoveContainer("s", "c"),
                StatusIs(absl::StatusCode::kUnknown,
                         "remove container c: fake failed:; cannot"));
    EXPECT_THAT(handler_->RemoveSandbox("s"),
                StatusIs(absl::StatusCode::kUnknown,
                         "end sandbox s: container c: fake failed:; cannot"));
  }
  EXPECT_TRUE(Knows("c"));
  SetMode("none");
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
  EXPECT_FALSE(Knows("c"));
  EXPECT_THAT(*handler_->ListContainers("s"), IsEmpty());
}

TEST_F(ExternalRuntimeTest,
       AFailedCreateThatCannotBeDeletedIsRememberedByThePod) {
  SetMode("fruitless");
  EXPECT_THAT(Create("c"), StatusIs(absl::StatusCode::kUnknown,
                                    HasSubstr("fake failed:; no luck")));
  EXPECT_TRUE(Knows("c"));
  SetMode("none");
  EXPECT_THAT(handler_->RemoveSandbox("s"), IsOk());
  EXPECT_FALSE(Knows("c"));
}

TEST_F(ExternalRuntimeTest, WhatTheRuntimeDoesNotKnowIsDeleted) {
  ASSERT_THAT(Create("c"), IsOk());
  ASSERT_THAT(Create("d"), IsOk());
  SetMode("stranger");
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
  ASSERT_EQ(kill(holder_, SIGKILL), 0);
  EXPECT_EQ(news_->Await("", ContainerPhase::kExited).sandbox_id, "s");
  EXPECT_THAT(handler_->RemoveSandbox("s"), IsOk());
  EXPECT_FALSE(Exists(dir_ + "/state/pods/s"));
}

TEST_F(ExternalRuntimeTest, ADeadHoldersContainersAreDeletedOnceTheyCanBe) {
  ASSERT_THAT(Create("c"), IsOk());
  ASSERT_THAT(Create("d"), IsOk());
  SetMode("stuck");
  ASSERT_EQ(kill(holder_, SIGKILL), 0);
  EXPECT_EQ(news_->Await("", ContainerPhase::kExited).sandbox_id, "s");
  const auto is_stuck =
      StatusIs(absl::StatusCode::kAborted, HasSubstr("delete --force"));
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), is_stuck);
  EXPECT_THAT(handler_->RemoveSandbox("s"), is_stuck);
  SetMode("none");
  EXPECT_THAT(handler_->RemoveContainer("s", "c"), IsOk());
  EXPECT_FALSE(Knows("c"));
  EXPECT_TRUE(Knows("d"));
  EXPECT_THAT(handler_->RemoveSandbox("s"), IsOk());
  EXPECT_FALSE(Knows("d"));
}

TEST_F(ExternalRuntimeTest, ADeadHoldersContainersAreDisowned) {
  ASSERT_THAT(Create("c"), IsOk());
  ASSERT_EQ(kill(holder_, SIGKILL), 0);
  EXPECT_EQ(news_->Await("", ContainerPhase::kExited).sandbox_id, "s");
  EXPECT_FALSE(Knows("c"));
}

TEST_F(ExternalRuntimeTest, ADeleteThatHangsHoldsUpNoNewsOfOtherPods) {
  ASSERT_THAT(Create("c"), IsOk());
  ASSERT_THAT(handler_->StartSandbox({.id = "t", .handler = "fake"}), IsOk());
  ASSERT_THAT(Create("d", "t"), IsOk());
  SetMode("held");
  ASSERT_EQ(kill(holder_, SIGKILL), 0);
  while (!Exists(dir_ + "/root/deleting")) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_THAT(handler_->StartContainer("t", "d"), IsOk());
  EXPECT_EQ(news_->Await("d", ContainerPhase::kExited).exit_code, 6);
  EXPECT_EQ(news_->Count("c"), 0) << "told before it was dead";
  EXPECT_THAT(WriteFileAtomic(dir_ + "/root/release", ""), IsOk());
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 137);
  EXPECT_EQ(news_->Await("", ContainerPhase::kExited).sandbox_id, "s");
  EXPECT_FALSE(Knows("c"));
  EXPECT_THAT(handler_->RemoveSandbox("t"), IsOk());
}

TEST_F(ExternalRuntimeTest, FeaturesAreWhatItTells) {
  // The host's, of which the stand-in for runtime/launch has one.
  EXPECT_TRUE(handler_->Features("fake").recursive_read_only_mounts);
  EXPECT_FALSE(handler_->Features("fake").user_namespaces);
  EXPECT_THAT(handler_->Features("alias").no_user_namespaces,
              "the test has none");
  EXPECT_THAT(handler_->Features("nobody").no_user_namespaces,
              HasSubstr("\"nobody\" is not known"));
}

TEST_F(ExternalRuntimeTest, FeaturesThatDidNotComeInTimeAreAskedForAgain) {
  handler::LauncherClient launcher(dir_ + "/state", FAKE_OCI);
  handler::Runtimes runtimes(&launcher, absl::Milliseconds(200),
                             absl::ZeroDuration());
  const HandlerFeatures host{.recursive_read_only_mounts = true};
  auto has = [&] {
    return runtimes.FeaturesOf({dir_ + "/fake"}, host)
        .recursive_read_only_mounts;
  };
  SetMode("hang");
  EXPECT_FALSE(has());
  SetMode("none");
  while (!has()) {  // a busy host may be late again
  }
  SetMode("hang");
  EXPECT_TRUE(has());
}

TEST_F(ExternalRuntimeTest, ARuntimeThatTellsNothingHasNoFeatures) {
  SetMode("silent");
  EXPECT_FALSE(handler_->Features("fake").recursive_read_only_mounts);
}

TEST_F(ExternalRuntimeTest, UnknownHandlersNameTheKnownOnes) {
  EXPECT_THAT(handler_->StartSandbox({.id = "t", .handler = "kata"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("known: \"\", \"alias\", \"fake\"")));
  handler_->SetRuntimes({{"gone", {.path = dir_ + "/gone"}}});
  EXPECT_THAT(handler_->StartSandbox({.id = "t", .handler = "gone"}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("handler \"gone\": " + dir_ + "/gone: No")));
  EXPECT_THAT(*ListDir(dir_ + "/state/pods"), ::testing::ElementsAre("s"));
}

}  // namespace
}  // namespace runtime
