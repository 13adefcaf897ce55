// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "agent/object/source.h"
#include "runtime/base/executor.h"
#include "tests/support/fake_api_client.h"
#include "tests/support/status_matchers.h"

namespace agent::object {
namespace {

using ::testing::SizeIs;
using tests::IsOk;
using tests::StatusIs;

Json Service(const std::string& name) {
  return {{"metadata",
           {{"name", name}, {"namespace", "shop"}, {"resourceVersion", "9"}}},
          {"spec", {{"clusterIP", "10.0.0.1"}, {"selector", {{"a", "b"}}}}}};
}

Json ServiceList(const std::vector<std::string>& names) {
  Json list = {{"metadata", {{"resourceVersion", "5"}}},
               {"items", Json::array()}};
  for (const std::string& name : names) list["items"].push_back(Service(name));
  return list;
}

class ApiSourceTest : public ::testing::Test {
 protected:
  size_t Services() {
    auto services = source_->Services("shop");
    EXPECT_THAT(services, IsOk());
    return services.ok() ? services->size() : 0;
  }
  void Start(absl::Duration refresh = absl::Seconds(60)) {
    source_ = MakeApiSource(&client_, &executor_, refresh);
  }
  runtime::Executor executor_{"test", 4};
  api::FakeClient client_;
  std::unique_ptr<Source> source_;
};

TEST_F(ApiSourceTest, ServicesFollowTheWatch) {
  client_.Put("/api/v1/services", ServiceList({"a"}));
  Start();
  EXPECT_EQ(Services(), 1u);
  client_.Emit({"ADDED", Service("b")});
  client_.Emit({"BOOKMARK", Json()});
  ASSERT_TRUE(client_.WaitForEvents());
  EXPECT_EQ(Services(), 2u);
  client_.Emit({"DELETED", Service("a")});
  ASSERT_TRUE(client_.WaitForEvents());
  EXPECT_EQ(Services(), 1u);
}

TEST_F(ApiSourceTest, ServicesAreUnavailableBeforeTheFirstList) {
  client_.FailReads(absl::UnavailableError("down"));
  Start();
  EXPECT_THAT(source_->Services("shop"),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ApiSourceTest, RefreshTellsTheListener) {
  client_.Put("/api/v1/services", ServiceList({}));
  client_.Put("/api/v1/namespaces/shop/secrets/s",
              {{"metadata", {{"resourceVersion", "1"}}}});
  Start(absl::Milliseconds(20));
  absl::Notification changed;
  std::string who;
  source_->SetListener([&](const std::string& uid) {
    if (changed.HasBeenNotified()) return;
    who = uid;
    changed.Notify();
  });
  source_->Register(Json::parse(
      R"({"metadata":{"name":"p","namespace":"shop","uid":"u-1"},
          "spec":{"volumes":[{"secret":{"secretName":"s"}}]}})"));
  ASSERT_THAT(source_->Secret("shop", "s"), IsOk());
  client_.Put("/api/v1/namespaces/shop/secrets/s",
              {{"metadata", {{"resourceVersion", "2"}}}});
  ASSERT_TRUE(changed.WaitForNotificationWithTimeout(absl::Seconds(10)));
  EXPECT_EQ(who, "u-1");
  source_.reset();
}

TEST_F(ApiSourceTest, EndsWithReadsUnderWay) {
  client_.Put("/api/v1/services", ServiceList({}));
  for (int i = 0; i < 50; ++i) {
    Start(absl::Milliseconds(1));
    Json pod = Json::parse(R"({"metadata":{"namespace":"shop","uid":"u"},
      "spec":{"volumes":[{"secret":{"secretName":"s"}},
        {"projected":{"sources":[{"serviceAccountToken":{}}]}}]}})");
    source_->Register(pod);
    source_.reset();
  }
}

TEST(EmptySourceTest, FindsNothingAndHasNoServices) {
  auto source = MakeEmptySource();
  EXPECT_THAT(source->ConfigMap("a", "b"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(source->Secret("a", "b"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(*source->Services("a"), SizeIs(0));
  EXPECT_THAT(source->ServiceAccountToken(Json(), {}, 3600),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace agent::object
