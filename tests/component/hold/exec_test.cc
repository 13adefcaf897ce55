// SPDX-License-Identifier: Apache-2.0
// Streaming exec in real containers.
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/component/hold/stream_fixture.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class StreamExecTest : public StreamTest {
 protected:
  void SetUp() override {
    StreamTest::SetUp();
    if (!IsSkipped()) Start("exec sleep 1000");
  }
};

TEST_F(StreamExecTest, InputEndsWhenItIsClosedAndTheCodeIsTold) {
  auto talk = Exec("cat; echo problem >&2; exit 7");
  ASSERT_NE(talk, nullptr);
  talk->Write("hello\n");
  EXPECT_EQ(talk->ReadUntil("\n"), "hello\n");
  talk->session().CloseInput();
  EXPECT_EQ(talk->ReadAll(), "");
  EXPECT_EQ(talk->ReadErrors(), "problem\n");
  EXPECT_THAT(talk->Outcome(), IsOkAndHolds(7));
  EXPECT_THAT(talk->session().Resize(1, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(StreamExecTest, AMissingCommandIsTold) {
  auto session =
      handler_->Exec("s", "c", {.args = {"/nope"}, .out = true, .err = true});
  ASSERT_THAT(session, IsOk());
  Talk talk(std::move(*session));
  EXPECT_THAT(talk.Outcome(),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("/nope")));
  EXPECT_EQ(talk.ReadAll(), "");
}

TEST_F(StreamExecTest, WhatCannotBeIsRefused) {
  EXPECT_THAT(handler_->Exec("s", "x", {.args = {"/bin/true"}}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(handler_->Exec("s", "c", {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(handler_->Exec("s", "c",
                             {.args = {"/bin/true"}, .tty = true, .err = true}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(handler_->Attach("s", "x", {.out = true}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(StreamExecTest, ATerminalHasASizeThatChanges) {
  auto talk =
      Exec("stty -echo; echo $TERM; while read x; do stty size; done", kTty);
  ASSERT_NE(talk, nullptr);
  talk->ReadUntil("xterm");
  ASSERT_THAT(talk->session().Resize(33, 111), IsOk());
  talk->Write("\n");
  EXPECT_THAT(talk->ReadUntil("111"), HasSubstr("33 111"));
  // Cve2022_23471: sizes pile up nowhere.
  for (uint16_t i = 1; i <= 10000; ++i) {
    ASSERT_THAT(talk->session().Resize(i, 80), IsOk());
  }
  talk->Write("\n");
  EXPECT_THAT(talk->ReadUntil(" 80"), HasSubstr("10000 80"));
  talk->session().CloseInput();  // a terminal has no end but ^D
  talk->Write("\4");
  talk->ReadAll();
  EXPECT_THAT(talk->Outcome(), IsOkAndHolds(0));
}

TEST_F(StreamExecTest, DroppingItKillsAllThatItStarted) {
  for (bool tty : {false, true}) {
    auto talk = Exec(
        "sleep 901 & (setsid sleep 902 &); echo ready; exec sleep 903", tty);
    ASSERT_NE(talk, nullptr);
    talk->ReadUntil("ready");
    EXPECT_THAT(Processes(), HasSubstr("sleep 902"));
    talk->Drop();
    const absl::Time end = absl::Now() + absl::Seconds(30);
    while (absl::StrContains(Processes(), "sleep 90") && absl::Now() < end) {
    }
    EXPECT_THAT(Processes(),
                AllOf(Not(HasSubstr("sleep 90")), HasSubstr("sleep 1000")));
  }
}

TEST_F(StreamTest, AnExecIsWhoTheContainerIs) {
  StartSandbox("s");
  runtime::Json config = TerminalConfig("exec sleep 1000", false);
  config["process"]["user"] = {
      {"uid", 1000}, {"gid", 1000}, {"additionalGids", {1234, 50000}}};
  config["process"]["env"].push_back("COLOUR=blue");
  ASSERT_THAT(Create("s", "c", config), IsOk());
  ASSERT_THAT(handler_->StartContainer("s", "c"), IsOk());
  const std::string script =
      "id -u; id -G; echo $HOME $COLOUR; while read k v; do case $k in "
      "CapBnd:|NoNewPrivs:) echo $k $v;; esac; done < /proc/";
  for (bool tty : {false, true}) {
    auto self = Exec(script + "self/status", tty);
    auto init = Exec(script + "1/status", tty);
    ASSERT_TRUE(self != nullptr && init != nullptr);
    const std::string text = self->ReadAll();
    EXPECT_THAT(text, AllOf(HasSubstr("1000 1234 50000"), HasSubstr("/ blue"),
                            HasSubstr("NoNewPrivs: 1")));
    EXPECT_EQ(text, init->ReadAll());
  }
}

TEST_F(StreamExecTest, BinaryDataComesThroughWhole) {
  auto talk = Exec("cat");
  ASSERT_NE(talk, nullptr);
  EXPECT_EQ(fcntl(talk->session().out.get(), F_GETPIPE_SZ), 256 << 10);
  EXPECT_EQ(fcntl(talk->session().in.get(), F_GETPIPE_SZ), 256 << 10);
  std::string data(3 << 18, '\0');
  for (size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<char>(i * 2654435761u >> 13);
  }
  // What is on its way fits: two pipes and what cat holds.
  const size_t half = data.size() / 2;
  talk->Write(absl::string_view(data).substr(0, half));
  std::string back;
  while (back.size() < half) {
    char buffer[65536];
    const ssize_t size = read(talk->session().out.get(), buffer, sizeof buffer);
    if (size > 0) back.append(buffer, static_cast<size_t>(size));
  }
  talk->Write(absl::string_view(data).substr(half));
  talk->session().CloseInput();
  back += talk->ReadAll();
  EXPECT_TRUE(back == data);
  EXPECT_THAT(talk->Outcome(), IsOkAndHolds(0));
}

// But for what the first one touched of the memory that a holder shares with
// the launcher.
TEST_F(StreamExecTest, ManyAtOnceLeaveNothing) {
  ASSERT_THAT(Exec("exit 3")->Outcome(), IsOkAndHolds(3));
  const int64_t before =
      PrivateMemory(handler_->StartSandbox({.id = "s"}).value().holder_pid);
  std::vector<std::unique_ptr<Talk>> talks;
  for (int i = 0; i < 40; ++i) {
    talks.push_back(Exec(absl::StrCat("read x; echo $x; exit ", i)));
  }
  for (int i = 0; i < 40; ++i) {
    talks[static_cast<size_t>(i)]->Write(absl::StrCat("line ", i, "\n"));
  }
  for (int i = 0; i < 40; ++i) {
    Talk& talk = *talks[static_cast<size_t>(i)];
    EXPECT_EQ(talk.ReadAll(), absl::StrCat("line ", i, "\n"));
    EXPECT_THAT(talk.Outcome(), IsOkAndHolds(i));
  }
  talks.clear();
  const pid_t holder = handler_->StartSandbox({.id = "s"}).value().holder_pid;
  EXPECT_LT(PrivateMemory(holder), before + 100);
}

}  // namespace
}  // namespace tests
