// SPDX-License-Identifier: Apache-2.0
// Port-forward over SPDY, to servers of this test.
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "cri/stream/forward_session.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/stream/spdy_client.h"
#include "tests/unit/cri/stream/stream_fixture.h"

namespace cri::stream {
namespace {

using runtime::UniqueFd;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Listens on a loopback address of `family`.
class Listening {
 public:
  explicit Listening(int family = AF_INET)
      : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address = family == AF_INET ? reinterpret_cast<sockaddr*>(&v4)
                                      : reinterpret_cast<sockaddr*>(&v6);
    socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
    ok_ = bind(fd_.get(), address, size) == 0 && listen(fd_.get(), 256) == 0;
    getsockname(fd_.get(), address, &size);
    port_ = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
  }
  bool ok() const { return ok_; }
  uint16_t port() const { return port_; }
  UniqueFd Accept() {
    return UniqueFd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  void Close() { fd_.reset(); }

 private:
  UniqueFd fd_;
  bool ok_ = false;
  uint16_t port_ = 0;
};

std::string ReadToEnd(const UniqueFd& socket) {
  std::string all;
  char bytes[4096];
  ssize_t n;
  while ((n = read(socket.get(), bytes, sizeof bytes)) > 0) {
    all.append(bytes, static_cast<size_t>(n));
  }
  return all;
}

class ForwardTest : public StreamTest {
 protected:
  struct Pair {
    uint32_t error, data;
  };

  ForwardTest() {
    Start();
    client_ = std::make_unique<SpdyClient>(server_->port(),
                                           PathOf(ForwardUrl(ForwardHere())),
                                           "portforward.k8s.io");
  }

  Pair Open(uint16_t port, const std::string& request = "") {
    Headers headers = {{"streamtype", "error"}, {"port", absl::StrCat(port)}};
    if (!request.empty()) headers.emplace_back("requestid", request);
    Pair pair;
    pair.error = client_->Open(headers, true);
    headers[0].second = "data";
    pair.data = client_->Open(headers);
    return pair;
  }

  std::unique_ptr<SpdyClient> client_;
};

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
