// SPDX-License-Identifier: Apache-2.0
// Exec over SPDY with much input, much output, many clients and resizes.
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/unit/cri/stream/exec_fixture.h"

namespace cri::stream {
namespace {

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

// It cannot be told why it ends, so it is not waited for.
TEST_F(ExecTest, SilenceEndsAClientThatTakesNothing) {
  ServerOptions options;
  options.timeouts.idle = absl::Milliseconds(100);
  Start(options);
  const size_t before = Descriptors();
  const auto client = Connect(Exec(false, true, false));
  client->Open("error");
  client->Open("stdout");
  process_->AwaitOpen();
  signal(SIGPIPE, SIG_IGN);  // it may be dropped while it prints
  ASSERT_EQ(fcntl(process_->out.get(), F_SETFL, O_NONBLOCK), 0);
  const std::string block(64 << 10, 'x');
  while (!process_->IsDropped()) {
    if (write(process_->out.get(), block.data(), block.size()) <= 0) {
      absl::SleepFor(absl::Milliseconds(1));
    }
  }
  process_->out.reset();
  const absl::Time end = absl::Now() + absl::Seconds(20);
  while (Descriptors() > before + 1 && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(Descriptors(), before + 1);  // the client's own
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

TEST_F(ExecTest, Cve2022_31030_TenThousandResizesDoNoHarm) {
  constexpr int kResizes = 10'000;
  const auto client = Connect(Exec(true, true, false, true));
  const uint32_t error = client->Open("error");
  const uint32_t in = client->Open("stdin");
  const uint32_t out = client->Open("stdout");
  const uint32_t resize = client->Open("resize");
  const auto send = [&](int from, int to) {
    for (int i = from; i <= to; ++i) {
      client->Send(resize, absl::StrCat(R"({"Width":)", i, R"(,"Height":24})"));
    }
  };
  // Room for what the test writes down itself.
  {
    absl::MutexLock lock(&process_->mutex);
    process_->resizes.reserve(kResizes);
  }
  send(1, 100);
  process_->AwaitResizes(1);
  client->Send(PingFrame(1));
  client->AwaitPing(1);
  const size_t descriptors = Descriptors(), bytes = BytesInUse();
  send(101, kResizes);
  client->Send(PingFrame(3));
  client->AwaitPing(3);
  EXPECT_LT(BytesInUse(), bytes + (512 << 10));  // buffers of the connection
  EXPECT_LE(Descriptors(), descriptors);
  {
    absl::MutexLock lock(&process_->mutex);
    ASSERT_FALSE(process_->resizes.empty());
    EXPECT_EQ(process_->resizes.back(), absl::StrCat("24x", kResizes));
  }
  client->Send(in, "question");
  EXPECT_EQ(process_->Read(8), "question");
  process_->Print("answer");
  process_->Exit(0);
  client->AwaitFin(error);
  EXPECT_EQ(client->Data(out), "answer");
}

}  // namespace
}  // namespace cri::stream
