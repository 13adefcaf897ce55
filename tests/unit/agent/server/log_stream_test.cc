// SPDX-License-Identifier: Apache-2.0
// /containerLogs over the wire: pieces, follow, rotation, the end.
#include <stdio.h>

#include "absl/strings/str_split.h"
#include "tests/unit/agent/server/server_fixture.h"

namespace agent::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class LogStreamTest : public ServerFixture {
 protected:
  void SetUp() override {
    ServerFixture::SetUp();
    Start();
  }
  // The body of a chunked response, put together.
  static std::string Body(const std::string& response) {
    size_t at = response.find("\r\n\r\n");
    std::string body;
    if (at == std::string::npos) return body;
    at += 4;
    while (at < response.size()) {
      size_t end = response.find("\r\n", at);
      if (end == std::string::npos) break;
      size_t size = strtoul(response.substr(at, end - at).c_str(), nullptr, 16);
      if (size == 0) break;
      body += response.substr(end + 2, size);
      at = end + 2 + size + 2;
    }
    return body;
  }
  std::string Log(const std::string& query = "") {
    return Body(Ask("/containerLogs/ns/p/c" + query));
  }
  std::unique_ptr<TlsClient> Follow(const std::string& query = "") {
    auto client =
        std::make_unique<TlsClient>(server_->port(), apiserver_.get());
    EXPECT_TRUE(client->ok());
    client->Send(Get("/containerLogs/ns/p/c?follow=true" + query));
    return client;
  }
};

TEST_F(LogStreamTest, GivesTheWholeLogAndEnds) {
  pods_.Append("one");
  pods_.Append("two");
  std::string response = Ask("/containerLogs/ns/p/c");
  EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                              HasSubstr("Content-Type: text/plain"),
                              HasSubstr("Transfer-Encoding: chunked\r\n"),
                              EndsWith("\r\n0\r\n\r\n")));
  EXPECT_EQ(Body(response), "one\ntwo\n");
  EXPECT_EQ(Log("?tailLines=1"), "two\n");
  EXPECT_EQ(Log("?tailLines=0"), "");
  EXPECT_EQ(Log("?limitBytes=5"), "one\nt");
  EXPECT_EQ(Log("?timestamps=true&tailLines=1"),
            "2026-01-02T15:04:05.000000001Z two\n");
  EXPECT_EQ(Log("?sinceTime=2026-01-02T15:04:06Z"), "");
}

TEST_F(LogStreamTest, OldClientsGetNoChunks) {
  pods_.Append("one");
  EXPECT_THAT(
      Exchange("GET /containerLogs/ns/p/c HTTP/1.0\r\n\r\n", apiserver_.get()),
      AllOf(Not(HasSubstr("chunked")), EndsWith("\r\n\r\none\n")));
}

TEST_F(LogStreamTest, LargeLogsArriveWhole) {
  std::string raw, expected;
  for (int i = 0; i < 50000; ++i) {
    std::string text = absl::StrCat("line ", i, std::string(40, '.'));
    absl::StrAppend(&raw, "2026-01-02T15:04:05.000000001Z stdout F ", text,
                    "\n");
    absl::StrAppend(&expected, text, "\n");
  }
  pods_.AppendRaw(raw);
  EXPECT_TRUE(Log() == expected);
}

TEST_F(LogStreamTest, FollowSendsEachLineWhenItComes) {
  pods_.Append("one");
  auto client = Follow();
  client->ReceiveUntil("one\n");
  for (int i = 0; i < 20; ++i) {
    pods_.Append(absl::StrCat("line-", i));
    EXPECT_THAT(client->ReceiveUntil(absl::StrCat("line-", i, "\n")),
                HasSubstr(absl::StrCat("line-", i)));
  }
}

TEST_F(LogStreamTest, FollowGoesOnAfterARotation) {
  auto client = Follow();
  client->ReceiveUntil("\r\n\r\n");
  pods_.Append("before");
  ASSERT_EQ(rename(pods_.path().c_str(), (pods_.path() + ".1").c_str()), 0);
  pods_.Append("after");
  EXPECT_THAT(client->ReceiveUntil("after\n"), HasSubstr("before\n"));
}

TEST_F(LogStreamTest, FollowEndsWithItsContainer) {
  pods_.Append("one");
  auto client = Follow();
  client->ReceiveUntil("one\n");
  pods_.Append("last");
  pods_.SetRunning(false);
  EXPECT_THAT(client->ReceiveAll(), HasSubstr("last\n"));
  EXPECT_TRUE(client->ended());
}

TEST_F(LogStreamTest, FollowEndsThoughTheNextAttemptIsNoisy) {
  auto client = Follow();
  client->ReceiveUntil("\r\n\r\n");
  pods_.SetId("id-2");
  std::string other = pods_.root() + "/ns_p_u/c/1.log";
  for (int i = 0; i < 1000 && !client->ended(); ++i) {
    auto fd = runtime::OpenFile(other, O_WRONLY | O_CREAT | O_APPEND, 0640);
    ASSERT_TRUE(fd.ok());
    ASSERT_TRUE(runtime::WriteAll(fd->get(), "x\n", other).ok());
    client->Receive(absl::Milliseconds(10));
  }
  EXPECT_TRUE(client->ended());
}

TEST_F(LogStreamTest, FollowOfALimitEndsAtTheLimit) {
  auto client = Follow("&limitBytes=3");
  client->ReceiveUntil("\r\n\r\n");
  pods_.Append("abcdef");
  EXPECT_THAT(client->ReceiveAll(), HasSubstr("abc\r\n0\r\n\r\n"));
  EXPECT_TRUE(client->ended());
}

TEST_F(LogStreamTest, ManyFollowersNeedNoThreads) {
  auto threads = [] { return runtime::ListDir("/proc/self/task")->size(); };
  std::vector<std::unique_ptr<TlsClient>> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(Follow());
  for (auto& client : clients) client->ReceiveUntil("\r\n\r\n");
  // Ours, timers, 4 of the executor, https, and what earlier tests' servers are
  // just ending.
  EXPECT_LE(threads(), 20u);
  pods_.Append("to all");
  for (auto& client : clients) {
    EXPECT_THAT(client->ReceiveUntil("to all\n"), HasSubstr("to all\n"));
  }
}

// A client that reads nothing makes the server wait, not remember.
TEST_F(LogStreamTest, SlowReaderDoesNotCostMemory) {
  std::string line = absl::StrCat("2026-01-02T15:04:05.000000001Z stdout F ",
                                  std::string(1000, 'x'), "\n");
  std::string raw;
  while (raw.size() < (64u << 20)) raw += line;
  pods_.AppendRaw(raw);
  raw.clear();
  raw.shrink_to_fit();
  auto resident = [] {
    auto text = runtime::ReadFile("/proc/self/statm");
    std::vector<std::string> fields = absl::StrSplit(*text, ' ');
    return strtol(fields[1].c_str(), nullptr, 10) * 4096;
  };
  long before = resident();
  auto slow = Follow();
  slow->ReceiveUntil("\r\n\r\n");
  EXPECT_THAT(Ask("/healthz"), StartsWith("HTTP/1.1 200 "));
  auto fast = Ask("/containerLogs/ns/p/c?tailLines=1");
  EXPECT_EQ(Body(fast), std::string(1000, 'x') + "\n");
  EXPECT_LT(resident() - before, 16 << 20);
}

}  // namespace
}  // namespace agent::server
