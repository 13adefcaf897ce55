// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/protocol.h"

#include "gtest/gtest.h"

namespace cri::stream {
namespace {

constexpr auto kProcess = Purpose::kProcess;
constexpr auto kForward = Purpose::kForward;
constexpr auto kSpdy = Transport::kSpdy;
constexpr auto kWebSocket = Transport::kWebSocket;

TEST(ChooseTest, TheClientsFirstThatIsSpoken) {
  const struct {
    Purpose purpose;
    Transport transport;
    std::vector<std::string> offered;
    const char* chosen;  // null: none
  } rows[] = {
      {kProcess,
       kSpdy,
       {"v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io"},
       "v4.channel.k8s.io"},
      {kProcess, kSpdy, {"channel.k8s.io"}, "channel.k8s.io"},
      {kProcess,
       kSpdy,
       {"v2.channel.k8s.io", "v4.channel.k8s.io"},
       "v2.channel.k8s.io"},
      {kProcess, kSpdy, {"v5.channel.k8s.io"}, nullptr},
      {kProcess, kSpdy, {}, nullptr},
      {kProcess, kWebSocket, {"v5.channel.k8s.io"}, "v5.channel.k8s.io"},
      {kProcess, kWebSocket, {}, ""},
      {kProcess, kWebSocket, {""}, nullptr},
      {kProcess, kWebSocket, {"soap"}, nullptr},
      {kForward, kSpdy, {"portforward.k8s.io"}, "portforward.k8s.io"},
      {kForward, kSpdy, {"v4.channel.k8s.io"}, nullptr},
      {kForward,
       kWebSocket,
       {"SPDY/3.1+portforward.k8s.io"},
       "SPDY/3.1+portforward.k8s.io"},
      {kForward, kWebSocket, {"v4.channel.k8s.io"}, "v4.channel.k8s.io"},
      {kForward, kWebSocket, {"v5.channel.k8s.io"}, nullptr},
  };
  for (const auto& row : rows) {
    const Protocol* chosen = Choose(row.purpose, row.transport, row.offered);
    if (row.chosen == nullptr) {
      EXPECT_EQ(chosen, nullptr);
    } else {
      ASSERT_NE(chosen, nullptr) << row.chosen;
      EXPECT_EQ(chosen->name, row.chosen);
    }
  }
}

TEST(ChooseTest, VersionsDifferInStatusAndResize) {
  const auto dialect = [](Transport transport, const char* name) {
    return Choose(kProcess, transport, {name})->dialect;
  };
  EXPECT_FALSE(dialect(kSpdy, "channel.k8s.io").resize);
  EXPECT_FALSE(dialect(kSpdy, "v2.channel.k8s.io").resize);
  EXPECT_TRUE(dialect(kSpdy, "v3.channel.k8s.io").resize);
  EXPECT_FALSE(dialect(kSpdy, "v3.channel.k8s.io").json_status);
  EXPECT_TRUE(dialect(kSpdy, "v4.channel.k8s.io").json_status);
  EXPECT_TRUE(dialect(kWebSocket, "v4.base64.channel.k8s.io").json_status);
  EXPECT_FALSE(dialect(kWebSocket, "base64.channel.k8s.io").json_status);
}

}  // namespace
}  // namespace cri::stream
