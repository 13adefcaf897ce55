// SPDX-License-Identifier: Apache-2.0
// The server from outside: TLS, who may enter, and clients that misbehave.
#include <sys/socket.h>

#include "tests/unit/agent/server/server_fixture.h"

namespace agent::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using tests::IsOk;

using ServerTest = ServerFixture;

TEST_F(ServerTest, AnswersTheApiServerByItsCertificate) {
  Start();
  EXPECT_THAT(Ask("/healthz"), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                                     HasSubstr("\r\n\r\nok")));
  EXPECT_THAT(Ask("/pods"), HasSubstr("\"kind\":\"PodList\""));
  EXPECT_THAT(Ask("/nothing"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(ServerTest, KeepsAConnectionForSeveralRequests) {
  Start();
  TlsClient client(server_->port(), apiserver_.get());
  ASSERT_TRUE(client.ok());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.Send(Get("/healthz")));
    EXPECT_THAT(client.ReceiveUntil("\r\n\r\nok"), HasSubstr(" 200 "));
  }
  client.Send("HEAD /healthz HTTP/1.1\r\nHost: n\r\n\r\n");
  EXPECT_THAT(client.ReceiveUntil("\r\n\r\n"), HasSubstr("Content-Length: 2"));
  client.Send(Get("/healthz") + Get("/pods"));  // both at once
  EXPECT_THAT(client.ReceiveUntil("PodList"), HasSubstr("\r\n\r\nok"));
}

TEST_F(ServerTest, TokensCertificatesAndStrangers) {
  Start();
  auto stranger_authority = MakeIdentity("ca", {}, nullptr);
  auto stranger = MakeIdentity("kube-apiserver-kubelet-client", {},
                               stranger_authority.get());
  auto nobody = MakeIdentity("somebody", {}, authority_.get());
  auto request = [](const std::string& target, const std::string& headers) {
    return Get(target, headers + "Connection: close\r\n");
  };
  EXPECT_THAT(Exchange(request("/pods", ""), nullptr),
              AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("Unauthorized")));
  EXPECT_THAT(Exchange(request("/pods", ""), stranger.get()),
              StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(Exchange(request("/pods", ""), nobody.get()),
              AllOf(StartsWith("HTTP/1.1 403 "),
                    HasSubstr("Forbidden (user=somebody, verb=get")));
  EXPECT_THAT(
      Exchange(request("/metrics", "Authorization: Bearer good\r\n"), nullptr),
      AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("kubelet_running_pods 1")));
  EXPECT_THAT(
      Exchange(request("/pods", "Authorization: Bearer good\r\n"), nullptr),
      StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(
      Exchange(request("/metrics", "Authorization: Bearer bad\r\n"), nullptr),
      StartsWith("HTTP/1.1 401 "));
}

TEST_F(ServerTest, ExecSaysThatItIsNotThere) {
  Start();
  TlsClient client(server_->port(), apiserver_.get());
  client.Send(
      "POST /exec/ns/p/c?command=ls HTTP/1.1\r\nHost: n\r\n"
      "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
      "Content-Length: 0\r\n\r\n");
  EXPECT_THAT(client.ReceiveUntil("\r\n\r\n"), StartsWith("HTTP/1.1 501 "));
}

TEST_F(ServerTest, TakesNewFilesWhileItRuns) {
  Start();
  auto other_authority = MakeIdentity("ca2", {}, nullptr);
  auto other =
      MakeIdentity("kube-apiserver-kubelet-client", {}, other_authority.get());
  std::string request = Get("/healthz", "Connection: close\r\n");
  EXPECT_THAT(Exchange(request, other.get()), StartsWith("HTTP/1.1 401 "));
  Write("ca.crt", other_authority->CertificatePem());
  EXPECT_THAT(Exchange(request, other.get()), StartsWith("HTTP/1.1 200 "));
  Write("ca.crt", "broken");  // the last good one stays
  EXPECT_THAT(Exchange(request, other.get()), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, ListensBeforeItsCertificateIsThere) {
  ASSERT_THAT(runtime::RemoveTree(options_.cert_file), IsOk());
  Start();
  EXPECT_EQ(Ask("/healthz"), "no handshake");
  NewServingCertificate("late");
  EXPECT_THAT(Ask("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  Start();
  options_.port = server_->port();
  auto second = MakeServer(options_);
  EXPECT_THAT(std::string(second->Start().message()),
              HasSubstr("Address already in use"));
  options_.address = "not an address";
  EXPECT_THAT(std::string(MakeServer(options_)->Start().message()),
              HasSubstr("is not an IP"));
}

TEST_F(ServerTest, GarbageGetsAnErrorAndNothingBreaks) {
  Start();
  const std::pair<std::string, std::string> kRows[] = {
      {"\r\n\r\n\x01\x02 garbage\r\n\r\n", "HTTP/1.1 400 "},
      {"GET /healthz HTTP/9.9\r\n\r\n", "HTTP/1.1 400 "},
      {"GET /%zz HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 400 "},
      {"GET /a%00b HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n",
       "HTTP/1.1 400 "},
      {"GET /" + std::string(40000, 'a') + " HTTP/1.1\r\nHost: n\r\n\r\n",
       "HTTP/1.1 414 "},
      {"GET / HTTP/1.1\r\nX: " + std::string(100000, 'a'), "HTTP/1.1 431 "},
      {"POST /pods HTTP/1.1\r\nHost: n\r\nContent-Length: 9999999\r\n\r\n",
       "HTTP/1.1 413 "},
      {"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 "},
      {"GET /../../etc/passwd HTTP/1.1\r\nHost: n\r\nConnection: "
       "close\r\n\r\n",
       "HTTP/1.1 404 "},
  };
  for (const auto& [request, answer] : kRows) {
    EXPECT_THAT(Exchange(request, apiserver_.get()), StartsWith(answer))
        << request.substr(0, 60);
  }
  // No TLS at all.
  runtime::UniqueFd plain(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_THAT(Ask("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, SlowClientsAreCutOff) {
  options_.timeouts.handshake = absl::Milliseconds(100);
  options_.timeouts.request = absl::Milliseconds(200);
  options_.timeouts.idle = absl::Milliseconds(200);
  Start();
  TlsClient slow(server_->port(), apiserver_.get());
  ASSERT_TRUE(slow.ok());
  slow.Send("GET /healthz HTT");
  slow.ReceiveAll();
  EXPECT_TRUE(slow.ended());
  TlsClient idle(server_->port(), apiserver_.get());
  ASSERT_TRUE(idle.ok());
  idle.Send(Get("/healthz"));
  EXPECT_THAT(idle.ReceiveUntil("\r\n\r\nok"), HasSubstr(" 200 "));
  idle.ReceiveAll();
  EXPECT_TRUE(idle.ended());
}

TEST_F(ServerTest, StopEndsWhatIsUnderWay) {
  Start();
  TlsClient idle(server_->port(), apiserver_.get());
  TlsClient following(server_->port(), apiserver_.get());
  following.Send(Get("/containerLogs/ns/p/c?follow=true"));
  following.ReceiveUntil("\r\n\r\n");
  server_->Stop();
  idle.ReceiveAll();
  following.ReceiveAll();
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(following.ended());
  server_->Stop();
}

TEST_F(ServerTest, Cve2019_11248_NothingForDebuggingIsServed) {
  Start();
  for (const char* path :
       {"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile",
        "/debug/flags/v", "/debug/vars", "/logs/", "/spec/"}) {
    EXPECT_THAT(Ask(path), StartsWith("HTTP/1.1 404 ")) << path;
    EXPECT_THAT(Exchange(Get(path, "Connection: close\r\n"), nullptr),
                StartsWith("HTTP/1.1 401 "))
        << path;
  }
}

TEST_F(ServerTest, Cve2025_0426_StrangersStartNoWorkAndBodiesAreCapped) {
  Start();
  const std::string post =
      "POST /checkpoint/ns/p/c HTTP/1.1\r\nHost: n\r\n"
      "Connection: close\r\nContent-Length: ";
  EXPECT_THAT(Exchange(post + "0\r\n\r\n", nullptr),
              StartsWith("HTTP/1.1 401 "));
  for (const Identity* who : {static_cast<const Identity*>(apiserver_.get()),
                              static_cast<const Identity*>(nullptr)}) {
    EXPECT_THAT(Exchange(post + "1073741824\r\n\r\n", who),
                StartsWith("HTTP/1.1 413 "));
  }
}

}  // namespace
}  // namespace agent::server
