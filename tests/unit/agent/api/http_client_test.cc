// SPDX-License-Identifier: Apache-2.0
#include "agent/api/http_client.h"

#include <atomic>
#include <thread>

#include "agent/api/error.h"
#include "tests/support/http_server.h"
#include "tests/support/status_matchers.h"

namespace agent::api {
namespace {

using testing::HasSubstr;
using tests::HttpRequest;
using tests::HttpResponse;
using tests::HttpServer;
using tests::IsOk;
using tests::StatusIs;

std::unique_ptr<HttpClient> ClientOf(const HttpServer& server,
                                     const std::string& token = "") {
  ClientConfig config;
  config.server = server.url();
  config.token = token;
  auto client = MakeClient(config);
  EXPECT_THAT(client, IsOk());
  return *std::move(client);
}

TEST(HttpClientTest, SendsWhatEachVerbNeeds) {
  HttpServer server([](const HttpRequest&) {
    return HttpResponse{200, "{\"kind\":\"Pod\"}"};
  });
  const auto client = ClientOf(server, "secret");
  const Json object = {{"a", 1}};
  EXPECT_THAT(client->Get("/p", {{"fieldSelector", "spec.nodeName=a b"}}),
              IsOk());
  EXPECT_THAT(client->Create("/c", object), IsOk());
  EXPECT_THAT(client->Update("/u", object), IsOk());
  EXPECT_THAT(client->Patch("/s", PatchType::kStrategicMerge, object), IsOk());
  EXPECT_THAT(client->Patch("/j", PatchType::kJson, object), IsOk());
  EXPECT_THAT(client->Delete("/d"), IsOk());
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 6u);
  const struct {
    const char *method, *content_type, *body;
  } rows[] = {
      {"GET", "", ""},
      {"POST", "application/json", "{\"a\":1}"},
      {"PUT", "application/json", "{\"a\":1}"},
      {"PATCH", "application/strategic-merge-patch+json", "{\"a\":1}"},
      {"PATCH", "application/json-patch+json", "{\"a\":1}"},
      {"DELETE", "", ""},
  };
  for (size_t i = 0; i < requests.size(); ++i) {
    HttpRequest request = requests[i];
    EXPECT_EQ(request.method, rows[i].method);
    EXPECT_EQ(request.headers["content-type"], rows[i].content_type);
    EXPECT_EQ(request.body, rows[i].body);
    EXPECT_EQ(request.headers["authorization"], "Bearer secret");
  }
  EXPECT_EQ(requests[0].query, "fieldSelector=spec.nodeName%3da%20b");
}

TEST(HttpClientTest, KeepsItsConnection) {
  HttpServer server([](const HttpRequest&) { return HttpResponse{200, "{}"}; });
  const auto client = ClientOf(server);
  for (int i = 0; i < 5; ++i) EXPECT_THAT(client->Get("/"), IsOk());
  EXPECT_EQ(server.connections(), 1);
  client->ReloadCredentials();
  EXPECT_THAT(client->Get("/"), IsOk());
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClientTest, ServesManyThreads) {
  HttpServer server([](const HttpRequest& request) {
    return HttpResponse{200, "{\"path\":\"" + request.path + "\"}"};
  });
  const auto client = ClientOf(server);
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string path = "/" + std::to_string(i);
      for (int n = 0; n < 20; ++n) {
        const auto answer = client->Get(path);
        if (answer.ok() && runtime::StringAt(*answer, "path") == path) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 160);
  EXPECT_LE(server.connections(), 8);
}

TEST(HttpClientTest, WaitsAsLongAsABusyServerAsks) {
  std::atomic<int> calls = 0;
  HttpServer server([&](const HttpRequest&) {
    if (++calls < 3) return HttpResponse{429, "{}", {{"Retry-After", "1"}}};
    return HttpResponse{200, "{\"n\":3}"};
  });
  const absl::Time begin = absl::Now();
  ASSERT_OK_AND_ASSIGN(const Json answer, ClientOf(server)->Get("/"));
  EXPECT_EQ(runtime::IntAt(answer, "n"), 3);
  EXPECT_GE(absl::Now() - begin, absl::Seconds(2));
}

TEST(HttpClientTest, DoesNotWaitForALongRetry) {
  HttpServer server([](const HttpRequest&) {
    return HttpResponse{503, "", {{"Retry-After", "3600"}}};
  });
  const auto answer = ClientOf(server)->Get("/");
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(RetryAfter(answer.status()), absl::Hours(1));
}

TEST(HttpClientTest, NamesWhatIsNotJson) {
  HttpServer server([](const HttpRequest&) { return HttpResponse{200, "ok"}; });
  const auto client = ClientOf(server);
  EXPECT_THAT(
      client->Get("/healthz"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/healthz")));
  EXPECT_THAT(client->GetText("/healthz"), tests::IsOkAndHolds("ok"));
}

TEST(HttpClientTest, ARefusedConnectionIsUnavailableAndNamesTheServer) {
  std::string url;
  {
    HttpServer server([](const HttpRequest&) { return HttpResponse{}; });
    url = server.url();
  }
  ClientConfig config;
  config.server = url;
  ASSERT_OK_AND_ASSIGN(const auto client, MakeClient(config));
  EXPECT_THAT(client->Get("/"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(url)));
}

TEST(HttpClientTest, RefusesABadConfiguration) {
  ClientConfig config;
  config.server = "10.0.0.1:6443";
  EXPECT_THAT(MakeClient(config), StatusIs(absl::StatusCode::kInvalidArgument));
  config.server = "https://10.0.0.1:6443";
  config.ca_file = "/nowhere/ca.crt";
  EXPECT_THAT(MakeClient(config), StatusIs(absl::StatusCode::kNotFound,
                                           HasSubstr("/nowhere/ca.crt")));
}

}  // namespace
}  // namespace agent::api
