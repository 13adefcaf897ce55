// SPDX-License-Identifier: Apache-2.0
// Exec and attach over SPDY.
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "runtime/base/json.h"
#include "tests/unit/cri/stream/exec_fixture.h"

namespace cri::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ExecTest, MovesBytesAndEndsWithTheStatus) {
  const auto client = Connect(Exec(true, true, true));
  const uint32_t error = client->Open("error");
  const uint32_t in = client->Open("stdin");
  const uint32_t out = client->Open("stdout");
  const uint32_t err = client->Open("stderr");
  process_->AwaitOpen();
  client->Send(in, "question");
  client->Send(in, "!", true);
  EXPECT_EQ(process_->ReadAll(), "question!");
  process_->Print("answer");
  process_->Complain("but");
  process_->Exit(0);
  client->AwaitEnd();
  EXPECT_EQ(client->Data(out), "answer");
  EXPECT_EQ(client->Data(err), "but");
  EXPECT_TRUE(client->HasFin(out));
  EXPECT_TRUE(client->HasFin(err));
  EXPECT_TRUE(client->HasFin(error));
  EXPECT_EQ(client->Data(error), R"({"metadata":{},"status":"Success"})");
  process_->AwaitDrop();
}

TEST_F(ExecTest, TellsTheExitCode) {
  const auto client = Connect(Exec(false, true, false));
  const uint32_t error = client->Open("error");
  client->Open("stdout");
  process_->Exit(3);
  client->AwaitFin(error);
  const auto status = runtime::Json::parse(client->Data(error));
  EXPECT_EQ(status["reason"], "NonZeroExitCode");
  EXPECT_EQ(status["details"]["causes"][0]["message"], "3");
}

TEST_F(ExecTest, OldProtocolsTellItInWords) {
  for (const char* protocol :
       {"v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"}) {
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(false, true, false), protocol);
    const uint32_t error = client->Open("error");
    client->Open("stdout");
    process_->Exit(3);
    client->AwaitFin(error);
    EXPECT_EQ(client->Data(error),
              "command terminated with non-zero exit code: 3");
  }
}

TEST_F(ExecTest, OldProtocolsHaveNoResizeStream) {
  for (const char* protocol : {"v2.channel.k8s.io", "channel.k8s.io"}) {
    SCOPED_TRACE(protocol);
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(true, true, false, true), protocol);
    client->AwaitReset(client->Open("resize"));
    client->Open("error");
    client->Open("stdin");
    client->Open("stdout");
    process_->AwaitOpen();
  }
}

TEST_F(ExecTest, TellsWhyAProcessCannotStart) {
  ProcessRequest request = Exec(false, true, false);
  request.open = [] { return absl::NotFoundError("exec /nope: no such file"); };
  const auto client = Connect(request);
  const uint32_t error = client->Open("error");
  const uint32_t out = client->Open("stdout");
  client->AwaitFin(error);
  EXPECT_TRUE(client->HasFin(out));
  EXPECT_THAT(client->Data(error), HasSubstr("exec /nope: no such file"));
  EXPECT_THAT(client->Data(error), HasSubstr("InternalError"));
}

TEST_F(ExecTest, ATerminalIsResized) {
  for (const char* protocol : {"v4.channel.k8s.io", "v3.channel.k8s.io"}) {
    SCOPED_TRACE(protocol);
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(true, true, false, true), protocol);
    client->Open("error");
    client->Open("stdin");
    client->Open("stdout");
    const uint32_t resize = client->Open("resize");
    // The first size may come before the process is there.
    client->Send(resize, R"({"Width":80,"Height":24})");
    process_->AwaitResizes(1);
    client->Send(resize, R"({"Width":132,)");
    client->Send(resize, R"("Height":50})");
    process_->AwaitResizes(2);
    absl::MutexLock lock(&process_->mutex);
    EXPECT_THAT(process_->resizes, ElementsAre("24x80", "50x132"));
  }
}

TEST_F(ExecTest, ATerminalsInputStaysOpen) {
  const auto client = Connect(Exec(true, true, false, true));
  client->Open("error");
  const uint32_t in = client->Open("stdin");
  const uint32_t out = client->Open("stdout");
  client->Open("resize");
  process_->AwaitOpen();
  client->Send(in, "a", true);
  EXPECT_EQ(process_->Read(1), "a");
  process_->Print("still here");
  client->AwaitData(out, 10);
  EXPECT_EQ(fcntl(process_->in.get(), F_SETFL, O_NONBLOCK), 0);
  char byte;
  EXPECT_EQ(read(process_->in.get(), &byte, 1), -1) << "the input has ended";
}

TEST_F(ExecTest, InputMayComeBeforeTheProcess) {
  const auto client = Connect(Exec(true, true, false));
  client->Open("error");
  const uint32_t in = client->Open("stdin");
  client->Send(in, "early", true);
  client->Open("stdout");
  process_->AwaitOpen();
  EXPECT_EQ(process_->ReadAll(), "early");
}

TEST_F(ExecTest, StreamsThatWereNotAskedForAreRefused) {
  const auto client = Connect(Exec(false, true, false));
  client->Open("error");
  const uint32_t in = client->Open("stdin");
  client->AwaitReset(in);
  const uint32_t odd = client->Open("sound");
  client->AwaitReset(odd);
  const uint32_t twice = client->Open("error");
  client->AwaitReset(twice);
  client->Open("stdout");
  process_->AwaitOpen();
}

TEST_F(ExecTest, AClientThatLeavesEndsTheExec) {
  const auto client = Connect(Exec(true, true, true));
  for (const char* type : {"error", "stdin", "stdout", "stderr"}) {
    client->Open(type);
  }
  process_->AwaitOpen();
  client->Close();
  process_->AwaitDrop();
}

TEST_F(ExecTest, GoawayEndsTheExec) {
  const auto client = Connect(Exec(true, true, true));
  for (const char* type : {"error", "stdin", "stdout", "stderr"}) {
    client->Open(type);
  }
  process_->AwaitOpen();
  client->Send(GoawayFrame(0));
  process_->AwaitDrop();
}

TEST_F(ExecTest, PingsAreAnswered) {
  const auto client = Connect(Exec(true, true, true));
  client->Open("error");
  client->Send(PingFrame(1));
  client->AwaitPing(1);
  client->Send(PingFrame(3));
  client->AwaitPing(3);
}

TEST_F(ExecTest, AnAttachSucceedsHoweverTheContainerEnds) {
  ProcessRequest request = Exec(false, true, false);
  request.attach = true;
  const auto client = Connect(request);
  const uint32_t error = client->Open("error");
  client->Open("stdout");
  process_->Exit(137);
  client->AwaitFin(error);
  EXPECT_EQ(client->Data(error), R"({"metadata":{},"status":"Success"})");
}

TEST_F(ExecTest, WhatAProcessLeftRunningDoesNotKeepTheSession) {
  ServerOptions options;
  options.timeouts.leftover = absl::Milliseconds(50);
  Start(options);
  const auto client = Connect(Exec(false, true, false));
  const uint32_t error = client->Open("error");
  const uint32_t out = client->Open("stdout");
  process_->AwaitOpen();
  process_->Print("bye");
  process_->ExitLeaving(0);  // the pipe stays open
  client->AwaitFin(error);
  EXPECT_EQ(client->Data(out), "bye");
}

TEST_F(ExecTest, StreamsThatDoNotComeEndTheSession) {
  ServerOptions options;
  options.timeouts.creation = absl::Milliseconds(50);
  Start(options);
  const auto client = Connect(Exec(true, true, true));
  client->Open("error");
  client->AwaitEnd();
  EXPECT_TRUE(client->ended());
}

TEST_F(ExecTest, SilenceEndsTheSessionInTheEnd) {
  ServerOptions options;
  options.timeouts.idle = absl::Milliseconds(100);
  Start(options);
  const auto client = Connect(Exec(false, true, false));
  const uint32_t error = client->Open("error");
  client->Open("stdout");
  process_->AwaitOpen();
  process_->AwaitDrop();
  client->AwaitFin(error);
  EXPECT_THAT(client->Data(error),
              HasSubstr("\"message\":\"nothing was sent either way for 100ms "
                        "(stream_idle_timeout)\""));
}

TEST_F(ExecTest, StreamNumbersRiseAndAreOdd) {
  for (const uint32_t stream : {2u, 1u}) {
    const auto client = Connect(Exec(true, true, true));
    client->Open("error");  // 1
    HeaderWriter writer;
    client->Send(SynStreamFrame(stream, false, "garbage anyway"));
    client->AwaitEnd();
    EXPECT_TRUE(client->ended());
  }
}

TEST_F(ExecTest, StopEndsWhatIsUnderWay) {
  const auto client = Connect(Exec(true, true, true));
  for (const char* type : {"error", "stdin", "stdout", "stderr"}) {
    client->Open(type);
  }
  process_->AwaitOpen();
  server_->Stop();
  EXPECT_TRUE(process_->IsDropped());
  client->AwaitEnd();
  EXPECT_TRUE(client->ended());
}

TEST_F(ExecTest, StopTellsTheClientWhy) {
  const auto client = Connect(Exec(true, true, true));
  const uint32_t error = client->Open("error");
  for (const char* type : {"stdin", "stdout", "stderr"}) client->Open(type);
  process_->AwaitOpen();
  std::thread stop([&] { server_->Stop(); });
  client->AwaitFin(error);
  EXPECT_THAT(client->Data(error),
              HasSubstr("\"message\":\"the runtime is stopping"));
  EXPECT_THAT(client->Data(error), HasSubstr("\"status\":\"Failure\""));
  client->Close();
  stop.join();
}

}  // namespace
}  // namespace cri::stream
