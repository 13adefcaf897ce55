// SPDX-License-Identifier: Apache-2.0
// WebSocket clients whose input has to wait: nobody reads it.
#include <sys/socket.h>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/unit/cri/stream/websocket_fixture.h"

namespace cri::stream {
namespace {

// Its own pings lie behind the input and cannot be answered.
TEST_F(WebSocketTest, AClientWhoseInputHasToWaitSeesSignsOfLife) {
  ServerOptions options;
  options.timeouts.pong = absl::Milliseconds(10);
  Start(options);
  const auto client = Connect(Exec(true, true, false), "v5.channel.k8s.io");
  process_->AwaitOpen();
  int pongs = 0;
  client->socket().control_callback(
      [&](websocket::frame_type type, beast::string_view) {
        if (type == websocket::frame_type::pong && ++pongs == 3) {
          process_->Print("y");
        }
      });
  const std::string input(600 << 10, 'x');
  client->Send(Channel(0, input));
  EXPECT_EQ(client->Read(), Channel(1, "y"));
  EXPECT_GE(pongs, 3);
  EXPECT_EQ(process_->Read(input.size()), input);
}

// The head of a message of more than can ever come, for standard input.
const std::string kEndlessInput("\x82\xff\0\0\1\0\0\0\0\0\0\0\0\0\0", 15);

// Sends until nothing is taken for half a second, or `enough` was.
size_t SendAll(int socket, size_t enough) {
  const std::string block(64 << 10, 'x');
  size_t total = 0;
  for (int refused = 0; refused < 500 && total < enough;) {
    const ssize_t n =
        send(socket, block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    refused = n > 0 ? 0 : refused + 1;
    if (n > 0) total += static_cast<size_t>(n);
    if (n <= 0) absl::SleepFor(absl::Milliseconds(1));
  }
  return total;
}

// A write of the client's that takes too long would end the session, too: it
// is read ahead of the process, slowly, and not without end.
TEST_F(WebSocketTest, AClientWhoseInputHasToWaitCanWriteALittle) {
  size_t without = 0;  // what the kernel keeps
  for (const bool ahead : {false, true}) {
    process_ = std::make_shared<FakeProcess>();
    ServerOptions options;
    options.timeouts.pong = ahead ? absl::Milliseconds(1) : absl::Hours(1);
    Start(options);
    const auto client = Connect(Exec(true, true, false), "v5.channel.k8s.io");
    process_->AwaitOpen();
    const int socket = client->socket().next_layer().native_handle();
    ASSERT_EQ(send(socket, kEndlessInput.data(), kEndlessInput.size(), 0), 15);
    const size_t total = SendAll(socket, 200 << 20);
    if (!ahead) {
      without = total;
    } else {
      EXPECT_GT(total, without + (8 << 20));
    }
    EXPECT_LT(total, 100u << 20);
    process_->in.reset();  // what is kept can only be dropped now
    EXPECT_GE(SendAll(socket, 64 << 20), 64u << 20);
  }
}

}  // namespace
}  // namespace cri::stream
