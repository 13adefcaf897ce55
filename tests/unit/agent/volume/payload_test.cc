// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_object_source.h"
#include "tests/support/status_matchers.h"

namespace agent::volume {
namespace {

using object::FakeSource;
using tests::IsOk;
using tests::StatusIs;

class PayloadTest : public ::testing::Test {
 protected:
  PayloadTest() {
    source_.config_maps["shop/cm"] = FakeSource::Make(
        R"({"data":{"a":"1","b":"2"},"binaryData":{"c":"AAE="}})");
    source_.secrets["shop/s"] = FakeSource::Make(R"({"data":{"k":"djE="}})");
  }
  PayloadContext context() { return {pod_, ownership_, node_, source_}; }

  Json pod_ = Json::parse(R"({
    "metadata":{"name":"web","namespace":"shop","labels":{"app":"x"}},
    "spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":"2"}}}]}})");
  Ownership ownership_;
  NodeFacts node_{"node-1", {}, Json{{"memory", "1Gi"}}};
  FakeSource source_;
};

TEST_F(PayloadTest, ShowsAllKeysOrTheItems) {
  auto all = ConfigMapPayload(context(), Json::object(), "cm", 0644);
  ASSERT_THAT(all, IsOk());
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)["c"].data, std::string("\0\1", 2));
  auto items = ConfigMapPayload(
      context(),
      Json::parse(
          R"({"items":[{"key":"a","path":"x/y","mode":256},{"key":"b","path":"z"}]})"),
      "cm", 0640);
  ASSERT_THAT(items, IsOk());
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)["x/y"].data, "1");
  EXPECT_EQ((*items)["x/y"].mode, 0400u);
  EXPECT_EQ((*items)["z"].mode, 0640u);
}

TEST_F(PayloadTest, NamesWhatIsMissingUnlessOptional) {
  Json item = Json::parse(R"({"items":[{"key":"q","path":"q"}]})");
  EXPECT_THAT(
      ConfigMapPayload(context(), item, "cm", 0644),
      StatusIs(absl::StatusCode::kNotFound,
               std::string("configmap references non-existent config key: q")));
  EXPECT_THAT(SecretPayload(context(), item, "s", 0644),
              StatusIs(absl::StatusCode::kNotFound,
                       std::string("references non-existent secret key: q")));
  EXPECT_THAT(ConfigMapPayload(context(), Json(), "no", 0644),
              StatusIs(absl::StatusCode::kNotFound,
                       std::string("configmap \"no\" not found")));
  EXPECT_THAT(SecretPayload(context(), Json(), "no", 0644),
              StatusIs(absl::StatusCode::kNotFound,
                       std::string("secret \"no\" not found")));
  item["optional"] = true;
  EXPECT_TRUE(ConfigMapPayload(context(), item, "cm", 0644)->empty());
  EXPECT_TRUE(SecretPayload(context(), item, "no", 0644)->empty());
}

TEST_F(PayloadTest, DecodesSecretsAndRefusesBrokenOnes) {
  auto secret = SecretPayload(context(), Json(), "s", 0644);
  ASSERT_THAT(secret, IsOk());
  EXPECT_EQ((*secret)["k"].data, "v1");
  source_.secrets["shop/s"] = FakeSource::Make(R"({"data":{"k":"%"}})");
  EXPECT_THAT(SecretPayload(context(), Json(), "s", 0644),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       std::string("key k: not base64")));
}

TEST_F(PayloadTest, ShowsThePodToItself) {
  auto payload = DownwardPayload(context(), Json::parse(R"({"items":[
        {"path":"labels","fieldRef":{"fieldPath":"metadata.labels"}},
        {"path":"cpu","mode":256,"resourceFieldRef":
           {"containerName":"c","resource":"limits.cpu"}},
        {"path":"memory","resourceFieldRef":
           {"containerName":"c","resource":"limits.memory","divisor":"1Mi"}}]})"),
                                 0644);
  ASSERT_THAT(payload, IsOk());
  EXPECT_EQ((*payload)["labels"].data, "app=\"x\"");
  EXPECT_EQ((*payload)["cpu"].data, "2");
  EXPECT_EQ((*payload)["cpu"].mode, 0400u);
  EXPECT_EQ((*payload)["memory"].data, "1024");
}

Json ApiAccess() {
  return Json::parse(R"({"sources":[
    {"serviceAccountToken":{"path":"token","expirationSeconds":3607}},
    {"configMap":{"name":"cm","items":[{"key":"a","path":"ca.crt"}]}},
    {"downwardAPI":{"items":[{"path":"namespace",
       "fieldRef":{"fieldPath":"metadata.namespace"}}]}},
    {"secret":{"name":"s","optional":true}}]})");
}

TEST_F(PayloadTest, ProjectsSeveralSourcesIntoOne) {
  auto payload = ProjectedPayload(context(), ApiAccess(), 0644);
  ASSERT_THAT(payload, IsOk());
  EXPECT_EQ((*payload)["token"].data, "token-1");
  EXPECT_EQ((*payload)["token"].mode, 0644u);
  EXPECT_EQ((*payload)["ca.crt"].data, "1");
  EXPECT_EQ((*payload)["namespace"].data, "shop");
  EXPECT_EQ((*payload)["k"].data, "v1");
}

TEST_F(PayloadTest, TokenBelongsToTheUserOfAllContainers) {
  pod_["spec"]["securityContext"] = {{"runAsUser", 1000}};
  pod_["spec"]["initContainers"] = Json::parse(R"([{"name":"i"}])");
  ownership_ = OwnershipOf(pod_);
  auto payload = ProjectedPayload(context(), ApiAccess(), 0644);
  EXPECT_EQ((*payload)["token"].mode, 0600u);
  EXPECT_EQ((*payload)["token"].user, 1000u);
  pod_["spec"]["initContainers"][0]["securityContext"] = {{"runAsUser", 1}};
  EXPECT_FALSE(OwnershipOf(pod_).user.has_value());
}

TEST_F(PayloadTest, RefusesSourcesItDoesNotKnow) {
  EXPECT_THAT(
      ProjectedPayload(
          context(), Json::parse(R"({"sources":[{"clusterTrustBundle":{}}]})"),
          0644),
      StatusIs(
          absl::StatusCode::kUnimplemented,
          std::string("projected source clusterTrustBundle is not supported")));
  source_.token_error = absl::PermissionDeniedError("no");
  EXPECT_THAT(ProjectedPayload(context(), ApiAccess(), 0644),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       std::string("failed to fetch token: no")));
}

TEST(OwnershipTest, IgnoresIdsThatAreNone) {
  for (const char* id : {"-1", "4294967295", "4294967296", "\"7\"", "1.5"}) {
    Json pod = Json::parse(
        std::string(R"({"spec":{"securityContext":{"fsGroup":)") + id + "}}}");
    EXPECT_FALSE(OwnershipOf(pod).group.has_value()) << id;
  }
}

}  // namespace
}  // namespace agent::volume
