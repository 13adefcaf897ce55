// SPDX-License-Identifier: Apache-2.0
// Port-forward over SPDY, to servers of this test.
#include <sys/socket.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "cri/stream/forward_session.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/stream/forward_fixture.h"

namespace cri::stream {
namespace {

using runtime::UniqueFd;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ForwardTest, MovesBytesBothWays) {
  Listening listening;
  const Pair pair = Open(listening.port(), "0");
  client_->Send(pair.data, "ping");
  const UniqueFd socket = listening.Accept();
  char bytes[4];
  ASSERT_EQ(recv(socket.get(), bytes, 4, MSG_WAITALL), 4);
  ASSERT_EQ(write(socket.get(), "pong", 4), 4);
  client_->AwaitData(pair.data, 4);
  EXPECT_EQ(client_->Data(pair.data), "pong");
  EXPECT_THAT(client_->Data(pair.error), IsEmpty());
}

TEST_F(ForwardTest, AHalfClosedRequestStillGetsItsAnswer) {
  Listening listening;
  const Pair pair = Open(listening.port(), "0");
  client_->Send(pair.data, "request", true);
  UniqueFd socket = listening.Accept();
  EXPECT_EQ(ReadToEnd(socket), "request");
  ASSERT_EQ(write(socket.get(), "answer", 6), 6);
  socket.reset();
  client_->AwaitFin(pair.data);
  client_->AwaitFin(pair.error);
  EXPECT_EQ(client_->Data(pair.data), "answer");
}

TEST_F(ForwardTest, APortWithoutAServerIsOneConnectionsFailure) {
  Listening listening;
  const uint16_t port = listening.port();
  listening.Close();
  const Pair pair = Open(port, "0");
  client_->AwaitReset(pair.data);
  EXPECT_TRUE(client_->HasFin(pair.error));
  EXPECT_THAT(client_->Data(pair.error),
              HasSubstr(absl::StrCat("port ", port,
                                     " of the pod: connect: "
                                     "Connection refused")));
  Listening other;
  Open(other.port(), "1");
  EXPECT_TRUE(other.Accept().ok());
}

TEST_F(ForwardTest, TriesIpv6IfIpv4Refuses) {
  Listening listening(AF_INET6);
  if (!listening.ok()) GTEST_SKIP() << "This host has no IPv6 loopback.";
  Open(listening.port(), "0");
  EXPECT_TRUE(listening.Accept().ok());
}

TEST_F(ForwardTest, ManyConnectionsAtOnce) {
  Listening listening;
  constexpr int kCount = 100;
  std::vector<Pair> pairs;
  for (int i = 0; i < kCount; ++i) {
    pairs.push_back(Open(listening.port(), absl::StrCat(i)));
    client_->Send(pairs.back().data, absl::StrCat("number ", i), true);
  }
  for (int i = 0; i < kCount; ++i) {
    const UniqueFd socket = listening.Accept();
    const std::string got = ReadToEnd(socket);
    ASSERT_EQ(write(socket.get(), got.data(), got.size()),
              static_cast<ssize_t>(got.size()));
  }
  for (int i = 0; i < kCount; ++i) {
    client_->AwaitFin(pairs[i].data);
    EXPECT_EQ(client_->Data(pairs[i].data), absl::StrCat("number ", i));
  }
}

TEST_F(ForwardTest, OldClientsSendNoRequestId) {
  Listening listening;
  Open(listening.port());
  EXPECT_TRUE(listening.Accept().ok());
}

TEST_F(ForwardTest, StreamsMayComeInTheOtherOrder) {
  Listening listening;
  const std::string port = absl::StrCat(listening.port());
  const uint32_t data = client_->Open(
      {{"streamtype", "data"}, {"port", port}, {"requestid", "7"}});
  client_->Send(data, "early", true);
  client_->Open({{"streamtype", "error"}, {"port", port}, {"requestid", "7"}});
  EXPECT_EQ(ReadToEnd(listening.Accept()), "early");
}

TEST_F(ForwardTest, AResetClosesTheConnection) {
  Listening listening;
  const Pair pair = Open(listening.port(), "0");
  const UniqueFd socket = listening.Accept();
  client_->Send(RstStreamFrame(pair.data, ResetReason::kCancel));
  EXPECT_EQ(ReadToEnd(socket), "");
  client_->AwaitFin(pair.error);
}

TEST_F(ForwardTest, AServerThatClosesEndsBothStreams) {
  Listening listening;
  const Pair pair = Open(listening.port(), "0");
  listening.Accept();
  client_->AwaitFin(pair.data);
  client_->AwaitFin(pair.error);
}

TEST_F(ForwardTest, TheClientsEndClosesAllConnections) {
  Listening listening;
  Open(listening.port(), "0");
  Open(listening.port(), "1");
  const UniqueFd one = listening.Accept(), two = listening.Accept();
  client_->Close();
  EXPECT_EQ(ReadToEnd(one), "");
  EXPECT_EQ(ReadToEnd(two), "");
}

TEST_F(ForwardTest, StopTellsTheClientWhy) {
  Listening listening;
  const Pair pair = Open(listening.port(), "0");
  const UniqueFd socket = listening.Accept();
  std::thread stop([&] { server_->Stop(); });
  client_->AwaitFin(pair.error);
  EXPECT_THAT(client_->Data(pair.error), HasSubstr("the runtime is stopping"));
  client_->Close();
  stop.join();
}

TEST_F(ForwardTest, BadStreamsAreRefused) {
  const Headers rows[] = {
      {{"streamtype", "data"}},
      {{"streamtype", "data"}, {"port", "0"}},
      {{"streamtype", "data"}, {"port", "65536"}},
      {{"streamtype", "data"}, {"port", "http"}},
      {{"streamtype", "sound"}, {"port", "80"}},
  };
  for (const Headers& headers : rows) {
    client_->AwaitReset(client_->Open(headers));
  }
  client_->Open({{"streamtype", "data"}, {"port", "80"}, {"requestid", "1"}});
  client_->AwaitReset(client_->Open(
      {{"streamtype", "data"}, {"port", "80"}, {"requestid", "1"}}));
  client_->AwaitReset(client_->Open(
      {{"streamtype", "error"}, {"port", "81"}, {"requestid", "1"}}));
}

TEST_F(ForwardTest, TooManyConnectionsAreRefused) {
  for (size_t i = 0; i < ForwardSession::kMaxConnections; ++i) {
    client_->Open({{"streamtype", "error"},
                   {"port", "80"},
                   {"requestid", absl::StrCat(i)}},
                  true);
  }
  client_->AwaitReset(client_->Open(
      {{"streamtype", "error"}, {"port", "80"}, {"requestid", "last"}}));
}

TEST_F(ForwardTest, LargeAnswersArriveWhole) {
  Listening listening;
  const Pair pair = Open(listening.port(), "0");
  std::string text;
  for (int i = 0; text.size() < (8 << 20); ++i) absl::StrAppend(&text, i, "\n");
  std::thread writer([&] {
    const UniqueFd socket = listening.Accept();
    absl::string_view left = text;
    while (!left.empty()) {
      const ssize_t n = write(socket.get(), left.data(), left.size());
      if (n <= 0) break;
      left.remove_prefix(static_cast<size_t>(n));
    }
  });
  client_->AwaitFin(pair.data);
  writer.join();
  EXPECT_TRUE(client_->Data(pair.data) == text);
}

}  // namespace
}  // namespace cri::stream
