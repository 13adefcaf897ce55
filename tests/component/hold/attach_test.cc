// SPDX-License-Identifier: Apache-2.0
// Attach to real containers.
#include <fcntl.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/hold/socket.h"
#include "runtime/hold/wire.h"
#include "tests/component/hold/stream_fixture.h"
#include "tests/support/status_matchers.h"

namespace tests {
namespace {

using ::runtime::ContainerPhase;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const runtime::StreamOptions kOutput{.out = true, .err = true};
const runtime::StreamOptions kAll{.in = true, .out = true, .err = true};

using AttachTest = StreamTest;

TEST_F(AttachTest, LogAndAllClientsGetEverything) {
  Start(
      "read x; i=0; while [ $i -lt 2000 ]; do echo line $i; echo e$i >&2; "
      "i=$((i+1)); done; exit 5",
      {.stdin_open = true});
  auto first = Attach(kAll), second = Attach(kOutput);
  ASSERT_TRUE(first != nullptr && second != nullptr);
  first->Write("go\n");
  std::string expected, errors;
  for (int i = 0; i < 2000; ++i) {
    absl::StrAppend(&expected, "line ", i, "\n");
    absl::StrAppend(&errors, "e", i, "\n");
  }
  for (Talk* talk : {first.get(), second.get()}) {
    EXPECT_EQ(talk->ReadAll(), expected);
    EXPECT_EQ(talk->ReadErrors(), errors);
    EXPECT_THAT(talk->Outcome(), IsOkAndHolds(5));
  }
  EXPECT_THAT(Log("c"), HasSubstr("stdout F line 1999\n"));
  EXPECT_THAT(Log("c"), HasSubstr("stderr F e1999\n"));
}

TEST_F(AttachTest, InputOfManyAttachesStaysOpen) {
  Start("while read x; do echo got $x; done; echo end", {.stdin_open = true});
  for (const std::string text : {"one", "two"}) {
    auto talk = Attach(kAll);
    ASSERT_NE(talk, nullptr);
    talk->Write(text + "\n");
    EXPECT_EQ(talk->ReadUntil("\n"), absl::StrCat("got ", text, "\n"));
    talk->session().CloseInput();
    EXPECT_EQ(talk->ReadAll(), "");
    EXPECT_THAT(talk->Outcome(), IsOkAndHolds(0));
  }
  // Nor does a new daemon end it.
  Restart();
  auto talk = Attach(kAll);
  ASSERT_NE(talk, nullptr);
  talk->Write("three\n");
  EXPECT_EQ(talk->ReadUntil("\n"), "got three\n");
  EXPECT_EQ(handler_->GetContainer("s", "c")->phase, ContainerPhase::kRunning);
}

TEST_F(AttachTest, InputThatServesOnceEndsWithIt) {
  Start("cat; echo end", {.stdin_open = true, .stdin_once = true});
  {
    auto watcher = Attach(kOutput);  // has no input to end
  }
  auto talk = Attach(kAll);
  ASSERT_NE(talk, nullptr);
  talk->Write("hello\n");
  EXPECT_EQ(talk->ReadUntil("\n"), "hello\n");
  talk->session().CloseInput();
  EXPECT_EQ(talk->ReadAll(), "end\n");
  EXPECT_THAT(talk->Outcome(), IsOkAndHolds(0));
}

TEST_F(AttachTest, InputThatServesOnceEndsWithADropToo) {
  Start("cat; echo end", {.stdin_open = true, .stdin_once = true});
  auto talk = Attach(kAll);
  ASSERT_NE(talk, nullptr);
  talk->Drop();
  EXPECT_EQ(news_->Await("c", ContainerPhase::kExited).exit_code, 0);
  EXPECT_EQ(Log("c"), "stdout F end\n");
}

TEST_F(AttachTest, AContainerWithoutInputOffersNone) {
  Start("exec sleep 1000");
  auto talk = Attach(kAll);
  ASSERT_NE(talk, nullptr);
  EXPECT_FALSE(talk->session().in.ok());
  EXPECT_THAT(talk->session().Resize(1, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  talk->Drop();
  EXPECT_EQ(handler_->GetContainer("s", "c")->phase, ContainerPhase::kRunning);
}

TEST_F(AttachTest, ATerminalWithoutInputCanBeResizedOnly) {
  Start("exec sleep 1000", {.tty = true});
  auto talk = Attach({.tty = true, .in = true, .out = true});
  ASSERT_NE(talk, nullptr);
  EXPECT_FALSE(talk->session().in.ok());
  EXPECT_THAT(talk->session().Resize(3, 4), IsOk());
}

// A daemon that dies says nothing of the input: the next one finds it open.
TEST_F(AttachTest, InputThatServesOnceSurvivesAKilledDaemon) {
  namespace hold = runtime::hold;
  Start("cat; echo end", {.stdin_open = true, .stdin_once = true});
  auto dir = runtime::OpenFile(dir_ + "/state/pods/s", O_RDONLY | O_DIRECTORY);
  ASSERT_THAT(dir, IsOk());
  {
    runtime::UniqueFd killed(hold::ConnectAt(dir->get(), "holder.sock"));
    hold::Request request{.type = hold::RequestType::kAttach,
                          .id = "c",
                          .flags = hold::kStreamIn};
    ASSERT_EQ(hold::SendMessage(killed.get(), Encode(request)), 0);
    hold::Received received;
    ASSERT_EQ(hold::ReceiveMessage(killed.get(), &received), 0);
    ASSERT_THAT(received.fds, SizeIs(1));
  }
  auto talk = Attach(kAll);
  ASSERT_NE(talk, nullptr);
  talk->Write("hello\n");
  EXPECT_EQ(talk->ReadUntil("\n"), "hello\n");
  talk->session().CloseInput();
  EXPECT_EQ(talk->ReadAll(), "end\n");
}

TEST_F(AttachTest, ATerminalIsSharedAndOutlivesItsClients) {
  Start("stty -echo; while read x; do echo $x $(stty size); done",
        {.tty = true, .stdin_open = true});
  const runtime::StreamOptions options{.tty = true, .in = true, .out = true};
  auto first = Attach(options), second = Attach(options);
  ASSERT_TRUE(first != nullptr && second != nullptr);
  ASSERT_THAT(first->session().Resize(30, 100), IsOk());
  first->Write("one\n");
  EXPECT_THAT(first->ReadUntil("one 30 100\r\n"), HasSubstr("one 30 100"));
  EXPECT_THAT(second->ReadUntil("one 30 100\r\n"), HasSubstr("one 30 100"));
  first->Drop();
  second->session().CloseInput();
  second->Write("two\n");
  EXPECT_THAT(second->ReadUntil("two 30 100\r\n"), HasSubstr("two 30 100"));
  second->Drop();
  Restart();
  auto third = Attach(options);
  ASSERT_NE(third, nullptr);
  third->Write("three\n\4");
  third->ReadAll();
  EXPECT_THAT(third->Outcome(), IsOkAndHolds(0));
  EXPECT_THAT(Log("c"), HasSubstr("stdout F three 30 100\n"));
}

TEST_F(AttachTest, AStalledClientStallsNobody) {
  constexpr int kMegabytes = 24;
  Start(absl::StrCat("read x; dd if=/dev/zero bs=1048576 count=", kMegabytes,
                     " 2>/dev/null; echo; exec sleep 1000"),
        {.stdin_open = true});
  const pid_t holder = handler_->StartSandbox({.id = "s"}).value().holder_pid;
  const int64_t before = PrivateMemory(holder);
  auto stalled = Attach(kOutput), reads = Attach(kAll);
  ASSERT_TRUE(stalled != nullptr && reads != nullptr);
  reads->Write("go\n");
  EXPECT_THAT(reads->ReadUntil("\n"), SizeIs((kMegabytes << 20) + 1));
  EXPECT_THAT(stalled->Outcome(), StatusIs(absl::StatusCode::kResourceExhausted,
                                           HasSubstr("too slowly")));
  EXPECT_LT(PrivateMemory(holder), before + 1024);
  // What it did not fetch is still there for it.
  EXPECT_GT(stalled->ReadAll().size(), 0u);
}

}  // namespace
}  // namespace tests
