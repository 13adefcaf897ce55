// SPDX-License-Identifier: Apache-2.0
#include "agent/object/object_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_api_client.h"
#include "tests/support/status_matchers.h"

namespace agent::object {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using tests::IsOk;
using tests::StatusIs;

constexpr char kPath[] = "/api/v1/namespaces/shop/configmaps/cm";
const Key kKey = {Kind::kConfigMap, "shop", "cm"};

Json Map(const std::string& version, bool immutable = false) {
  return {{"metadata", {{"resourceVersion", version}, {"managedFields", 1}}},
          {"immutable", immutable}};
}

class ObjectCacheTest : public ::testing::Test {
 protected:
  std::string Version() {
    auto object = cache_.Get(kKey);
    if (!object.ok()) return std::string(object.status().message());
    return runtime::StringAt(**object, {"metadata", "resourceVersion"});
  }
  std::set<std::string> Refresh() {
    return cache_.Refresh([] { return false; });
  }
  api::FakeClient client_;
  ObjectCache cache_{&client_};
};

TEST_F(ObjectCacheTest, ReadsOnceForRegisteredPodsOnly) {
  client_.Put(kPath, Map("1"));
  Version();
  Version();
  EXPECT_EQ(client_.gets(kPath), 2);
  EXPECT_EQ(cache_.Register("u1", {kKey}).size(), 1u);
  Version();
  Version();
  EXPECT_EQ(client_.gets(kPath), 3);
  EXPECT_THAT(cache_.Register("u1", {kKey}), IsEmpty());
  Version();
  EXPECT_EQ(client_.gets(kPath), 3);
}

TEST_F(ObjectCacheTest, NewPodSeesTheNewestObject) {
  client_.Put(kPath, Map("1"));
  cache_.Register("u1", {kKey});
  EXPECT_EQ(Version(), "1");
  client_.Put(kPath, Map("2"));
  EXPECT_EQ(Version(), "1");
  cache_.Register("u2", {kKey});
  EXPECT_EQ(Version(), "2");
}

TEST_F(ObjectCacheTest, RefreshTellsWhoseObjectsChanged) {
  client_.Put(kPath, Map("1"));
  cache_.Register("u1", {kKey});
  cache_.Register("u2", {kKey});
  Version();
  EXPECT_THAT(Refresh(), IsEmpty());
  client_.Put(kPath, Map("2"));
  EXPECT_THAT(Refresh(), ElementsAre("u1", "u2"));
  client_.Remove(kPath);
  EXPECT_THAT(Refresh(), ElementsAre("u1", "u2"));
  EXPECT_THAT(cache_.Get(kKey), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ObjectCacheTest, ImmutableObjectsAreNeverReadAgain) {
  client_.Put(kPath, Map("1", true));
  cache_.Register("u1", {kKey});
  Version();
  cache_.Register("u2", {kKey});
  Version();
  Refresh();
  EXPECT_EQ(client_.gets(kPath), 1);
}

TEST_F(ObjectCacheTest, KeepsTheLastObjectWhileTheServerIsAway) {
  client_.Put(kPath, Map("1"));
  cache_.Register("u1", {kKey});
  Version();
  client_.FailReads(absl::UnavailableError("down"));
  EXPECT_THAT(Refresh(), IsEmpty());
  EXPECT_EQ(Version(), "1");
  cache_.Register("u2", {kKey});
  EXPECT_EQ(Version(), "1");
  client_.FailReads(absl::PermissionDeniedError("no"));
  EXPECT_THAT(cache_.Get(kKey), StatusIs(absl::StatusCode::kPermissionDenied));
  client_.FailReads(absl::OkStatus());
  EXPECT_EQ(Version(), "1");
}

TEST_F(ObjectCacheTest, ForgetsWithTheLastPod) {
  client_.Put(kPath, Map("1"));
  cache_.Register("u1", {kKey});
  Version();
  cache_.Unregister("u1");
  cache_.Unregister("u1");
  Refresh();
  EXPECT_EQ(client_.gets(kPath), 1);
}

TEST_F(ObjectCacheTest, AsksForNoNameThatIsNone) {
  EXPECT_THAT(cache_.Get({Kind::kSecret, "shop", "../../nodes/x"}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(client_.gets("/api/v1/namespaces/shop/secrets/../../nodes/x"), 0);
}

}  // namespace
}  // namespace agent::object
