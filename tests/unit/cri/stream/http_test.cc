// SPDX-License-Identifier: Apache-2.0
// What comes before an upgrade: requests, tokens, garbage.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/cri/stream/spdy_client.h"
#include "tests/unit/cri/stream/stream_fixture.h"

namespace cri::stream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;
using ::tests::StatusIs;

class HttpTest : public StreamTest {
 protected:
  HttpTest() { Start(); }

  std::string Ask(const std::string& request) {
    RawClient client(server_->port());
    client.Write(request);
    return client.ReadToEnd();
  }
  std::string AskSpdy(const std::string& path, const std::string& versions) {
    return Ask(absl::StrCat("GET ", path,
                            " HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n"
                            "Upgrade: spdy/3.1\r\n",
                            versions, "\r\n"));
  }
};

TEST_F(HttpTest, UrlsAreAbsolute) {
  EXPECT_THAT(
      ProcessUrl(Exec(true, true, true)),
      MatchesRegex("http://127\\.0\\.0\\.1:[0-9]+/exec/[A-Za-z0-9_-]+"));
  ProcessRequest attach = Exec(true, true, true);
  attach.attach = true;
  EXPECT_THAT(ProcessUrl(attach), HasSubstr("/attach/"));
  EXPECT_THAT(ForwardUrl(ForwardHere()), HasSubstr("/portforward/"));
}

TEST_F(HttpTest, UnknownPathsAndTokensAreNotFound) {
  for (const char* path : {"/", "/exec", "/exec/", "/exec/unknown",
                           "/attach/unknown", "/portforward/unknown", "/x/y",
                           "/exec/../exec/a", "*", "http://h/exec/a"}) {
    EXPECT_THAT(AskSpdy(path, ""), StartsWith("HTTP/1.1 404 ")) << path;
  }
}

TEST_F(HttpTest, ATokenIsForItsOwnPath) {
  const std::string token =
      ProcessUrl(Exec(true, true, true)).substr(strlen("http://"));
  EXPECT_THAT(AskSpdy("/attach" + token.substr(token.rfind('/')), ""),
              StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpTest, ATokenIsUsedUpByARequestThatCannotBeUpgraded) {
  const std::string path = PathOf(ProcessUrl(Exec(true, true, true)));
  EXPECT_THAT(
      Ask("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"),
      AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("unable to upgrade")));
  EXPECT_THAT(AskSpdy(path, ""), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpTest, AProtocolVersionIsRequired) {
  EXPECT_THAT(AskSpdy(PathOf(ProcessUrl(Exec(true, true, true))), ""),
              AllOf(StartsWith("HTTP/1.1 400 "),
                    HasSubstr("X-Stream-Protocol-Version is required")));
}

TEST_F(HttpTest, AnUnknownProtocolVersionIsForbidden) {
  EXPECT_THAT(
      AskSpdy(PathOf(ProcessUrl(Exec(true, true, true))),
              "X-Stream-Protocol-Version: v9.channel.k8s.io\r\n"),
      AllOf(StartsWith("HTTP/1.1 403 "),
            HasSubstr("X-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io, "
                      "v3.channel.k8s.io, v2.channel.k8s.io, "
                      "channel.k8s.io\r\n")));
}

TEST_F(HttpTest, VersionsComeInOneHeaderOrInSeveral) {
  for (const char* versions :
       {"v5.channel.k8s.io, v4.channel.k8s.io",
        "v5.channel.k8s.io\r\nX-Stream-Protocol-Version: v4.channel.k8s.io"}) {
    SpdyClient client(server_->port(),
                      PathOf(ProcessUrl(Exec(true, true, true))), versions);
    EXPECT_THAT(client.head(), AllOf(StartsWith("HTTP/1.1 101 "),
                                     HasSubstr("Connection: Upgrade\r\n"),
                                     HasSubstr("Upgrade: SPDY/3.1\r\n"),
                                     HasSubstr("X-Stream-Protocol-Version: "
                                               "v4.channel.k8s.io\r\n")));
  }
}

TEST_F(HttpTest, OtherMethodsAndBodiesAreRefused) {
  EXPECT_THAT(Ask("PUT /exec/x HTTP/1.1\r\nHost: h\r\n\r\n"),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(
      Ask("POST /exec/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"),
      StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(
      Ask("GET /exec/x HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n"),
      StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpTest, GarbageEndsTheConnectionOnly) {
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02", 4), std::string(100000, '\0'),
        std::string("SSH-2.0-x\r\n\r\n"), std::string(100000, 'A')}) {
    EXPECT_THAT(Ask(garbage), AnyOf("", StartsWith("HTTP/1.1 4")));
  }
  EXPECT_THAT(AskSpdy("/exec/x", ""), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpTest, NoMoreThanAThousandUrlsAreOut) {
  for (int i = 0; i < 1000; ++i) ProcessUrl(Exec(true, true, true));
  EXPECT_THAT(server_->Url(Exec(true, true, true)),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ServerStartTest, NamesWhatIsWrong) {
  runtime::Executor executor("test", 1);
  ServerOptions options;
  options.executor = &executor;
  options.address = "localhost";
  EXPECT_THAT(Server::Start(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"localhost\" is not an IP")));
  options.address = "127.0.0.1";
  options.cert_file = "/nonexistent/cert";
  EXPECT_THAT(Server::Start(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("/nonexistent/cert")));
}

TEST(ServerStartTest, ASlowRequestIsGivenUp) {
  runtime::Executor executor("test", 1);
  ServerOptions options;
  options.executor = &executor;
  options.timeouts.request = absl::Milliseconds(50);
  ASSERT_OK_AND_ASSIGN(const auto server, Server::Start(options));
  RawClient client(server->port());
  client.Write("GET /exec/");
  EXPECT_EQ(client.ReadToEnd(), "");
}

}  // namespace
}  // namespace cri::stream
