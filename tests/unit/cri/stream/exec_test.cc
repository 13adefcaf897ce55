// SPDX-License-Identifier: Apache-2.0
// Exec and attach over SPDY.
#include <fcntl.h>
#include <malloc.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "tests/unit/cri/stream/spdy_client.h"
#include "tests/unit/cri/stream/stream_fixture.h"

namespace cri::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kV4[] = "v4.channel.k8s.io";

class ExecTest : public StreamTest {
 protected:
  std::unique_ptr<SpdyClient> Connect(ProcessRequest request,
                                      const std::string& protocol = kV4) {
    if (server_ == nullptr) Start();
    return std::make_unique<SpdyClient>(
        server_->port(), PathOf(ProcessUrl(std::move(request))), protocol);
  }
};

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
  const auto client =
      Connect(Exec(true, true, false, true), "v2.channel.k8s.io");
  client->Open("error");
  client->Open("stdin");
  client->Open("stdout");
  process_->AwaitOpen();
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
  const auto client = Connect(Exec(true, true, false, true));
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

TEST_F(ExecTest, AClientThatLeavesIsMissedEvenIfNobodyReadsIt) {
  ServerOptions options;
  options.timeouts.request = absl::Milliseconds(200);  // it looks as often
  Start(options);
  const auto client = Connect(Exec(true, true, true));
  client->Open("error");
  const uint32_t in = client->Open("stdin");
  client->Open("stdout");
  client->Open("stderr");
  process_->AwaitOpen();
  // Nobody reads the input: after a while it is not taken any more.
  const std::string block(1 << 20, 'x');
  client->Send(DataHeader(in, false, kMaxFrameBytes));
  for (int refused = 0; refused < 200;) {
    const ssize_t n = send(client->raw().fd(), block.data(), block.size(),
                           MSG_DONTWAIT | MSG_NOSIGNAL);
    refused = n > 0 ? 0 : refused + 1;
    if (n <= 0) absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_FALSE(process_->IsDropped());
  const linger abruptly{.l_onoff = 1, .l_linger = 0};
  setsockopt(client->raw().fd(), SOL_SOCKET, SO_LINGER, &abruptly,
             sizeof abruptly);
  client->Close();
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
  client->Open("error");
  client->Open("stdout");
  process_->AwaitOpen();
  process_->AwaitDrop();
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

TEST_F(ExecTest, OneSlowClientKeepsNothingInMemory) {
  const auto client = Connect(Exec(false, true, false));
  client->Open("error");
  const uint32_t out = client->Open("stdout");
  process_->AwaitOpen();
  // Socket and pipe take some; then the process waits until the client reads.
  ASSERT_EQ(fcntl(process_->out.get(), F_SETFL, O_NONBLOCK), 0);
  const std::string block(64 << 10, 'x');
  size_t total = 0;
  int refused = 0;
  while (refused < 200) {
    const ssize_t n = write(process_->out.get(), block.data(), block.size());
    if (n > 0) total += static_cast<size_t>(n);
    refused = n > 0 ? 0 : refused + 1;
    if (n <= 0) absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_LT(total, 64u << 20);
  process_->Exit(0);
  client->AwaitFin(out);
  EXPECT_EQ(client->Data(out).size(), total);
}

TEST_F(ExecTest, LargeInputArrivesWholeThoughTheProcessIsSlow) {
  const auto client = Connect(Exec(true, true, false));
  client->Open("error");
  const uint32_t in = client->Open("stdin");
  client->Open("stdout");
  process_->AwaitOpen();
  std::string text;
  for (int i = 0; text.size() < (8 << 20); ++i) absl::StrAppend(&text, i, "\n");
  std::thread writer([&] { client->Send(in, text, true); });
  const std::string got = process_->ReadAll();
  writer.join();
  EXPECT_TRUE(got == text) << got.size() << " of " << text.size();
}

size_t Descriptors() { return runtime::ListDir("/proc/self/fd")->size(); }

// Of memory that was allocated and not given back; pages say less, as the
// allocator keeps some.
size_t BytesInUse() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST_F(ExecTest, AThousandHalfOpenSessionsComeAndGo) {
  ServerOptions options;
  options.timeouts.creation = absl::Seconds(2);
  Start(options);
  const auto come_and_go = [&] {
    std::vector<std::unique_ptr<SpdyClient>> clients;
    for (int i = 0; i < 1000; ++i) {
      clients.push_back(Connect(Exec(true, true, true)));
      clients.back()->Open("error");
    }
    for (const auto& client : clients) client->AwaitEnd();
  };
  // What the first thousand take the next find there.
  come_and_go();
  const size_t descriptors = Descriptors(), bytes = BytesInUse();
  come_and_go();
  come_and_go();
  // The server may be about to close the last.
  EXPECT_LE(Descriptors(), descriptors + 8);
  EXPECT_LT(BytesInUse(), bytes + (256 << 10));
  const auto client = Connect(Exec(false, true, false));
  client->Open("error");
  client->Open("stdout");
  process_->AwaitOpen();
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
