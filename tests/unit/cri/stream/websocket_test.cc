// SPDX-License-Identifier: Apache-2.0
// The WebSocket protocols, by a client of Boost.Beast.
#include <thread>

#include "gmock/gmock.h"
#include "tests/unit/cri/stream/websocket_fixture.h"

namespace cri::stream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
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

const struct {
  const char* protocol;
  bool json;
} kProtocols[] = {
    {"v5.channel.k8s.io", true},        {"v4.channel.k8s.io", true},
    {"v4.base64.channel.k8s.io", true}, {"channel.k8s.io", false},
    {"base64.channel.k8s.io", false},   {"", false},
};

TEST_F(WebSocketTest, EveryProtocolTellsTheExitCode) {
  for (const auto& row : kProtocols) {
    SCOPED_TRACE(row.protocol);
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(true, true, true), row.protocol);
    EXPECT_EQ(client->chosen(), row.protocol);
    process_->AwaitOpen();
    process_->Exit(3);
    const char words[] = "command terminated with non-zero exit code: 3";
    EXPECT_EQ(
        client->ReadDecoded(),
        Channel(3, row.json
                       ? absl::StrCat(
                             R"({"details":{"causes":[{"message":"3",)"
                             R"("reason":"ExitCode"}]},"message":")",
                             words,
                             R"(","metadata":{},"reason":"NonZeroExitCode",)"
                             R"("status":"Failure"})")
                       : words));
    EXPECT_EQ(client->CloseCode(), 1000u);
  }
}

TEST_F(WebSocketTest, EveryProtocolTellsWhyAProcessCannotStart) {
  const std::string why = "exec /n\xc3\xb6pe: no such file";
  for (const auto& row : kProtocols) {
    SCOPED_TRACE(row.protocol);
    ProcessRequest request = Exec(false, true, false);
    request.open = [&] { return absl::NotFoundError(why); };
    const auto client = Connect(request, row.protocol);
    const std::string status = client->ReadDecoded();
    if (row.json) {
      EXPECT_THAT(status, StartsWith(Channel(3, "{")));
      EXPECT_THAT(status, HasSubstr(absl::StrCat("\"message\":\"", why, "\"")));
    } else {
      EXPECT_EQ(status, Channel(3, why));
    }
    EXPECT_EQ(client->CloseCode(), 1000u);
  }
}

// All values of a byte, in messages whose sizes are no multiples of three.
TEST_F(WebSocketTest, EveryProtocolMovesAnyBytes) {
  std::string bytes;
  for (int i = 0; i < 100001; ++i) bytes.push_back(static_cast<char>(i * 7));
  for (const auto& row : kProtocols) {
    SCOPED_TRACE(row.protocol);
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(true, true, true), row.protocol);
    process_->AwaitOpen();
    std::thread send([&] {
      for (size_t at = 0, size = 1; at < bytes.size(); at += size, size += 97) {
        client->SendTo(0, bytes.substr(at, size));
      }
    });
    EXPECT_TRUE(process_->Read(bytes.size()) == bytes);
    send.join();
    for (const bool good : {true, false}) {
      std::thread print(
          [&] { good ? process_->Print(bytes) : process_->Complain(bytes); });
      EXPECT_TRUE(client->ReadChannel(good ? 1 : 2, bytes.size()) == bytes);
      print.join();
    }
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

TEST_F(WebSocketTest, EveryProtocolResizesATerminal) {
  for (const auto& row : kProtocols) {
    SCOPED_TRACE(row.protocol);
    process_ = std::make_shared<FakeProcess>();
    const auto client = Connect(Exec(true, true, false, true), row.protocol);
    client->SendTo(4, R"({"Width":80,"Height":24})");
    process_->AwaitResizes(1);
    client->SendTo(4, R"({"Width":132,)");
    client->SendTo(4, R"("Height":50})");
    process_->AwaitResizes(2);
    absl::MutexLock lock(&process_->mutex);
    EXPECT_THAT(process_->resizes, ElementsAre("24x80", "50x132"));
  }
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
