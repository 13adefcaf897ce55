// SPDX-License-Identifier: Apache-2.0
// The WebSocket protocols, by a client of Boost.Beast.
#include "gmock/gmock.h"
#include "tests/unit/cri/stream/websocket_client.h"

namespace cri::stream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(WebSocketTest, V5MovesBytesAndClosesInput) {
  const auto client = Connect(Exec(true, true, true), "v5.channel.k8s.io");
  EXPECT_EQ(client->chosen(), "v5.channel.k8s.io");
  process_->AwaitOpen();
  client->Send(Channel(0, "question"));
  client->Send(std::string("\xff\0", 2));
  EXPECT_EQ(process_->ReadAll(), "question");
  process_->Print("answer");
  EXPECT_EQ(client->Read(), Channel(1, "answer"));
  process_->Complain("but");
  EXPECT_EQ(client->Read(), Channel(2, "but"));
  process_->Exit(0);
  EXPECT_EQ(client->Read(),
            Channel(3, R"({"metadata":{},"status":"Success"})"));
  EXPECT_EQ(client->CloseCode(), 1000u);
  process_->AwaitDrop();
}

TEST_F(WebSocketTest, EveryProtocolTellsTheExitCode) {
  const struct {
    const char* protocol;
    bool json;
    bool base64;
  } rows[] = {
      {"v5.channel.k8s.io", true, false},
      {"v4.channel.k8s.io", true, false},
      {"v4.base64.channel.k8s.io", true, true},
      {"channel.k8s.io", false, false},
      {"base64.channel.k8s.io", false, true},
      {"", false, false},
  };
  for (const auto& row : rows) {
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(true, true, true), row.protocol);
    EXPECT_EQ(client->chosen(), row.protocol);
    process_->AwaitOpen();
    client->Send(row.base64 ? "0aGk=" : Channel(0, "hi"));
    EXPECT_EQ(process_->Read(2), "hi") << row.protocol;
    process_->Print("yes");
    EXPECT_EQ(client->Read(), row.base64 ? "1eWVz" : Channel(1, "yes"));
    process_->Exit(3);
    const std::string status = client->Read();
    ASSERT_FALSE(status.empty()) << row.protocol;
    EXPECT_EQ(status[0], row.base64 ? '3' : '\3');
    if (!row.base64) {
      EXPECT_EQ(status.find("NonZeroExitCode") != std::string::npos, row.json)
          << row.protocol;
      EXPECT_THAT(status, HasSubstr("non-zero exit code: 3"));
    }
    EXPECT_EQ(client->CloseCode(), 1000u) << row.protocol;
  }
}

TEST_F(WebSocketTest, UnknownProtocolsAreForbidden) {
  EXPECT_THAT(
      Ask(ProcessUrl(Exec(true, true, true)), "v9.channel.k8s.io"),
      AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("v5.channel.k8s.io")));
}

TEST_F(WebSocketTest, FirstAnEmptyMessageOnTheLowestOutput) {
  const auto client = Connect(Exec(true, false, true), "v4.channel.k8s.io");
  beast::flat_buffer buffer;
  client->socket().read(buffer);
  EXPECT_EQ(beast::buffers_to_string(buffer.data()), Channel(2, ""));
}

TEST_F(WebSocketTest, ATerminalIsResized) {
  const auto client =
      Connect(Exec(true, true, false, true), "v4.channel.k8s.io");
  client->Send(Channel(4, R"({"Width":80,"Height":24})"));
  process_->AwaitResizes(1);
}

TEST_F(WebSocketTest, PingsAreAnswered) {
  const auto client = Connect(Exec(true, true, false), "v5.channel.k8s.io");
  process_->AwaitOpen();
  bool pong = false;
  client->socket().control_callback(
      [&](websocket::frame_type type, beast::string_view) {
        pong = pong || type == websocket::frame_type::pong;
      });
  client->Ping();
  client->Send(Channel(0, "x"));  // is behind the ping
  EXPECT_EQ(process_->Read(1), "x");
  process_->Print("y");
  EXPECT_EQ(client->Read(), Channel(1, "y"));
  EXPECT_TRUE(pong);
}

TEST_F(WebSocketTest, AClientThatLeavesEndsTheExec) {
  for (const bool good_bye : {true, false}) {
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(true, true, true), "v5.channel.k8s.io");
    process_->AwaitOpen();
    boost::system::error_code ignored;  // only the server's side counts
    if (good_bye) {
      client->socket().close(websocket::close_code::normal, ignored);
    } else {
      client->socket().next_layer().close(ignored);
    }
    process_->AwaitDrop();
  }
}

TEST_F(WebSocketTest, WhatIsNotTheProtocolEndsTheSession) {
  const auto client =
      Connect(Exec(true, true, true), "v4.base64.channel.k8s.io");
  process_->AwaitOpen();
  client->Send("0*not base64*");
  process_->AwaitDrop();
}

}  // namespace
}  // namespace cri::stream
