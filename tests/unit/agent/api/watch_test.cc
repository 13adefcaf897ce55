// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include "absl/synchronization/notification.h"
#include "agent/api/http_client.h"
#include "tests/support/http_server.h"
#include "tests/support/status_matchers.h"

namespace agent::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::HttpRequest;
using tests::HttpResponse;
using tests::HttpServer;
using tests::IsOk;
using tests::StatusIs;
using Write = std::function<bool(const std::string&)>;

HttpResponse Stream(std::function<void(const Write&)> stream) {
  HttpResponse response;
  response.stream = std::move(stream);
  return response;
}

std::unique_ptr<HttpClient> ClientOf(const HttpServer& server) {
  ClientConfig config;
  config.server = server.url();
  return *MakeClient(config);
}

TEST(WatchTest, DeliversEventsUntilTheServerEnds) {
  HttpServer server([](const HttpRequest&) {
    return Stream([](const Write& write) {
      write("{\"type\":\"ADDED\",\"object\":{\"n\":1}}\n{\"type\":\"MOD");
      write("IFIED\",\"object\":{\"n\":2}}\n");
    });
  });
  std::vector<std::string> seen;
  EXPECT_THAT(
      ClientOf(server)->Watch("/w", {{"resourceVersion", "5"}}, CancelToken(),
                              [&](const WatchEvent& event) {
                                seen.push_back(event.type +
                                               runtime::DumpJson(event.object));
                                return true;
                              }),
      IsOk());
  EXPECT_THAT(seen, ElementsAre("ADDED{\"n\":1}", "MODIFIED{\"n\":2}"));
  const std::string query = server.requests()[0].query;
  EXPECT_THAT(query, HasSubstr("watch=true"));
  EXPECT_THAT(query, HasSubstr("timeoutSeconds="));
}

TEST(WatchTest, OpensBeforeItsFirstEvent) {
  absl::Notification opened;
  HttpServer server([&](const HttpRequest&) {
    return Stream([&](const Write& write) {
      // Only then is there an event.
      EXPECT_TRUE(opened.WaitForNotificationWithTimeout(absl::Seconds(20)));
      write("{\"type\":\"ADDED\",\"object\":{}}\n");
    });
  });
  int events = 0, openings = 0;
  EXPECT_THAT(ClientOf(server)->Watch(
                  "/w", {}, CancelToken(),
                  [&](const WatchEvent&) {
                    EXPECT_EQ(openings, 1);
                    return ++events > 0;
                  },
                  [&] {
                    if (++openings == 1) opened.Notify();
                  }),
              IsOk());
  EXPECT_EQ(events, 1);
  EXPECT_EQ(openings, 1);
}

TEST(WatchTest, ThatIsRefusedDoesNotOpen) {
  HttpServer server([](const HttpRequest&) { return HttpResponse{403, "no"}; });
  bool opened = false;
  EXPECT_THAT(
      ClientOf(server)->Watch(
          "/w", {}, CancelToken(), [](const WatchEvent&) { return true; },
          [&] { opened = true; }),
      StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_FALSE(opened);
}

TEST(WatchTest, AnErrorEventBecomesItsStatus) {
  HttpServer server([](const HttpRequest&) {
    return Stream([](const Write& write) {
      write(
          "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"
          "\"reason\":\"Expired\",\"message\":\"too old\"}}");
    });
  });
  const absl::Status status = ClientOf(server)->Watch(
      "/w", {}, CancelToken(), [](const WatchEvent&) { return true; });
  EXPECT_TRUE(IsGone(status)) << status;
  EXPECT_EQ(Reason(status), "Expired");
}

TEST(WatchTest, AnErrorAnswerBecomesItsStatus) {
  HttpServer server([](const HttpRequest&) {
    return HttpResponse{
        403, "{\"kind\":\"Status\",\"code\":403,\"message\":\"no\"}"};
  });
  EXPECT_THAT(ClientOf(server)->Watch("/w", {}, CancelToken(),
                                      [](const WatchEvent&) { return true; }),
              StatusIs(absl::StatusCode::kPermissionDenied, "no"));
}

TEST(WatchTest, GarbageEndsIt) {
  HttpServer server([](const HttpRequest&) {
    return Stream([](const Write& write) { write("{\"type\":]}"); });
  });
  EXPECT_THAT(ClientOf(server)->Watch("/w", {}, CancelToken(),
                                      [](const WatchEvent&) { return true; }),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/w")));
}

// A server that sends one event and then nothing until the test is over.
class SilentServer {
 public:
  SilentServer()
      : server_([this](const HttpRequest&) {
          return Stream([this](const Write& write) {
            write("{\"type\":\"ADDED\",\"object\":{}}");
            over_.WaitForNotification();
          });
        }) {}
  ~SilentServer() { over_.Notify(); }
  const HttpServer& server() const { return server_; }

 private:
  absl::Notification over_;
  HttpServer server_;
};

TEST(WatchTest, TheConsumerEndsIt) {
  SilentServer silent;
  EXPECT_THAT(ClientOf(silent.server())
                  ->Watch("/w", {}, CancelToken(),
                          [](const WatchEvent&) { return false; }),
              IsOk());
}

TEST(WatchTest, AnotherThreadCancelsASilentOne) {
  SilentServer silent;
  const auto client = ClientOf(silent.server());
  const CancelToken cancel;
  absl::Notification first;
  std::thread canceller([&] {
    first.WaitForNotification();
    cancel.Cancel();
  });
  EXPECT_THAT(client->Watch("/w", {}, cancel,
                            [&](const WatchEvent&) {
                              first.Notify();
                              return true;
                            }),
              StatusIs(absl::StatusCode::kCancelled));
  canceller.join();
}

TEST(WatchTest, ACancelledTokenNeverBegins) {
  SilentServer silent;
  const CancelToken cancel;
  cancel.Cancel();
  EXPECT_THAT(
      ClientOf(silent.server())
          ->Watch("/w", {}, cancel, [](const WatchEvent&) { return true; }),
      StatusIs(absl::StatusCode::kCancelled));
}

TEST(WatchTest, NewCredentialsEndItAsTheServerWould) {
  SilentServer silent;
  const auto client = ClientOf(silent.server());
  absl::Notification first;
  std::thread rotator([&] {
    first.WaitForNotification();
    client->ReloadCredentials();
  });
  EXPECT_THAT(client->Watch("/w", {}, CancelToken(),
                            [&](const WatchEvent&) {
                              first.Notify();
                              return true;
                            }),
              IsOk());
  rotator.join();
}

}  // namespace
}  // namespace agent::api
