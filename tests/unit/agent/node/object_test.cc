// SPDX-License-Identifier: Apache-2.0
#include "agent/node/object.h"

#include "tests/support/status_matchers.h"

namespace agent::node {
namespace {

using runtime::Json;
using runtime::StringAt;

TEST(NodeObjectTest, PatchReplacesTheAddressesAsAWhole) {
  const Json patch =
      StatusPatch({{"addresses",
                    {{{"type", "InternalIP"}, {"address", "10.0.0.1"}},
                     {{"type", "InternalIP"}, {"address", "fd00::1"}}}},
                   {"conditions", Json::array()}});
  const Json& addresses = patch["status"]["addresses"];
  ASSERT_EQ(addresses.size(), 3u);
  EXPECT_EQ(addresses[0], Json({{"$patch", "replace"}}));
  EXPECT_EQ(StringAt(addresses[2], "address"), "fd00::1");
}

TEST(NodeObjectTest, HeartbeatsAloneAreNoChange) {
  const auto status = [](const char* value, const char* beat) {
    return Json{{"conditions",
                 {{{"type", "Ready"},
                   {"status", value},
                   {"lastHeartbeatTime", beat}}}}};
  };
  EXPECT_FALSE(StatusChanged(status("True", "1"), status("True", "2")));
  EXPECT_TRUE(StatusChanged(status("True", "1"), status("False", "1")));
}

TEST(NodeObjectTest, ListsTheBiggestImagesWithDigestsFirst) {
  const std::vector<Image> images = {
      {{"a:1", "a@sha256:1"}, 10},
      {{"b:1"}, 30},
      {{}, 99},
      {{"c:1", "c:2", "c:3", "c:4", "c:5", "c:6"}, 20}};
  const Json list = ImageList(images, 2);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["names"], Json({"b:1"}));
  EXPECT_EQ(list[1]["names"].size(), 5u);
  EXPECT_EQ(ImageList(images, -1)[2]["names"], Json({"a@sha256:1", "a:1"}));
}

TEST(NodeObjectTest, ANewNodeCarriesLabelsTaintsAndFullStatus) {
  config::KubeletConfig config;
  config.provider_id = "kind://docker/kind/n1";
  config.register_with_taints = {{{"key", "a"}, {"effect", "NoSchedule"}}};
  HostFacts facts;
  facts.architecture = "amd64";
  const Identity identity = {"n1", {"10.0.0.1"}, {{"x", "y"}}, "unix:///s"};
  ASSERT_OK_AND_ASSIGN(
      const Json status,
      BaseStatus(identity, config, facts, Usage(), {"coracle", "0.1.0"}));
  const Json node = NewNode(identity, config, facts, status);
  EXPECT_EQ(StringAt(node, {"metadata", "labels", "kubernetes.io/hostname"}),
            "n1");
  EXPECT_EQ(StringAt(node, {"metadata", "labels", "x"}), "y");
  EXPECT_EQ(StringAt(node, {"spec", "providerID"}), "kind://docker/kind/n1");
  EXPECT_EQ(node["spec"]["taints"].size(), 1u);
  EXPECT_EQ(StringAt(node, {"status", "nodeInfo", "containerRuntimeVersion"}),
            "coracle://0.1.0");
  // Pre-release: sorts below the API server's v1.36.2.
  EXPECT_EQ(
      StringAt(node, {"status", "nodeInfo", "kubeletVersion"}).substr(0, 8),
      "v1.36.2-");
}

TEST(NodeObjectTest, NeverClaimsToBeNewerThanTheServer) {
  const std::pair<const char*, const char*> rows[] = {
      {"v1.36.2", "v1.36.2-coracle." CORACLE_VERSION},
      {"v1.37.0-rc.1", "v1.36.2-coracle." CORACLE_VERSION},
      {"v1.36.1", "v1.36.1-coracle." CORACLE_VERSION},
      {"v1.34.9-eks-abc", "v1.34.9-coracle." CORACLE_VERSION},
      {"", "v1.36.2-coracle." CORACLE_VERSION},
      {"v1.x", "v1.36.2-coracle." CORACLE_VERSION}};
  for (const auto& [server, want] : rows) {
    EXPECT_EQ(KubeletVersion(server), want) << server;
  }
}

TEST(NodeObjectTest, ReconcilesOnlyWhatDiffers) {
  const Json wanted = {
      {"metadata",
       {{"labels", {{"a", "1"}, {"b", "2"}}}, {"annotations", {{"c", "3"}}}}}};
  const Json existing = {{"metadata",
                          {{"labels", {{"a", "1"}, {"b", "9"}, {"z", "8"}}},
                           {"annotations", {{"c", "3"}}}}}};
  EXPECT_EQ(Reconcile(existing, wanted),
            Json({{"metadata", {{"labels", {{"b", "2"}}}}}}));
  EXPECT_TRUE(Reconcile(wanted, wanted).is_null());
}

}  // namespace
}  // namespace agent::node
