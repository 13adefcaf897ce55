// SPDX-License-Identifier: Apache-2.0
// Port-forward to a server that does not read.
#include <sys/socket.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "tests/unit/cri/stream/forward_fixture.h"

namespace cri::stream {
namespace {

using runtime::UniqueFd;
using ::testing::IsEmpty;
using ::testing::Not;

class ForwardStallTest : public ForwardTest {
 protected:
  void Connect(absl::Duration stall) {
    ServerOptions options;
    options.timeouts.stall = stall;
    ForwardTest::Connect(options);
  }

  // Sends a text of `size` bytes that does not repeat itself, and the end.
  void SendText(uint32_t stream, size_t size) {
    while (text_.size() < size) absl::StrAppend(&text_, text_.size(), "\n");
    text_.resize(size);
    absl::string_view left = text_;
    while (!left.empty()) {
      const absl::string_view piece = left.substr(0, 32 << 10);
      client_->Send(stream, piece, piece.size() == left.size());
      left.remove_prefix(piece.size());
    }
  }

  void ExpectServed(const Pair& pair, Listening& listening) {
    client_->Send(pair.data, "ping");
    listening.Answer(4, "pong");
    client_->AwaitFin(pair.data);
    EXPECT_EQ(client_->Data(pair.data), "pong");
  }

  Listening stalled_, served_;
  std::string text_;
};

TEST_F(ForwardStallTest, OthersGoOnWhileALittleWaits) {
  Connect(absl::Hours(1));
  const Pair pair = Open(stalled_.port(), "0");
  const UniqueFd socket = stalled_.Accept();
  SendText(pair.data, 12 << 20);  // more than sockets keep
  ExpectServed(Open(served_.port(), "1"), served_);
  EXPECT_TRUE(ReadToEnd(socket) == text_);
}

TEST_F(ForwardStallTest, ItIsGivenUpIfOthersWait) {
  Connect(absl::Milliseconds(20));
  const Pair pair = Open(stalled_.port(), "0");
  const Pair other = Open(served_.port(), "1");
  SendText(pair.data, 64 << 20);
  ExpectServed(other, served_);
  client_->AwaitReset(pair.data);
  // An error would end the whole session of the client.
  client_->AwaitFin(pair.error);
  EXPECT_THAT(client_->Data(pair.error), IsEmpty());
  ExpectServed(Open(served_.port(), "2"), served_);
}

TEST_F(ForwardStallTest, OneThatReadsInTimeIsNotGivenUp) {
  Connect(absl::Minutes(1));
  const Pair pair = Open(stalled_.port(), "0");
  const Pair other = Open(served_.port(), "1");
  std::thread sender([&] { SendText(pair.data, 64 << 20); });
  const std::string got = ReadToEnd(stalled_.Accept());
  sender.join();
  EXPECT_TRUE(got == text_);
  ExpectServed(other, served_);
  EXPECT_FALSE(client_->WasReset(pair.data));
}

TEST_F(ForwardStallTest, OneThatIsAloneIsWaitedFor) {
  Connect(absl::Milliseconds(1));
  const Pair pair = Open(stalled_.port(), "0");
  const UniqueFd socket = stalled_.Accept();
  const std::string block(64 << 10, 'x');
  std::string frames;
  for (int i = 0; i < 2000; ++i) {
    absl::StrAppend(&frames, DataHeader(pair.data, i == 1999, block.size()),
                    block);
  }
  absl::string_view left = frames;
  // Until nothing is taken for half a second.
  for (int refused = 0; refused < 500 && !left.empty();) {
    const ssize_t n = send(client_->raw().fd(), left.data(), left.size(),
                           MSG_DONTWAIT | MSG_NOSIGNAL);
    refused = n > 0 ? 0 : refused + 1;
    if (n > 0) left.remove_prefix(static_cast<size_t>(n));
    if (n <= 0) absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_THAT(left, Not(IsEmpty()));  // it does not take without end
  std::thread sender([&] { client_->raw().Write(left); });
  EXPECT_EQ(ReadToEnd(socket).size(), 2000 * block.size());
  sender.join();
}

}  // namespace
}  // namespace cri::stream
