// SPDX-License-Identifier: Apache-2.0
#include "cri/server/image_use.h"

#include "gmock/gmock.h"
#include "runtime/base/json.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {
namespace {

using ::testing::ElementsAre;

TEST(BudgetOfTest, IsWhatTheConfigurationSays) {
  config::Config config;
  EXPECT_FALSE(BudgetOf(config).IsSet());
  config.image_max_bytes = 7;
  EXPECT_EQ(BudgetOf(config).max_bytes, 7u);
  config.image_max_unused = "36h";
  EXPECT_EQ(BudgetOf(config).max_unused, absl::Hours(36));
}

class ImageUseTest : public ServerTest {};

TEST_F(ImageUseTest, StatusTellsWhoHoldsWhat) {
  const std::string container = CreateContainer(RunPod());
  image::StoreUse use;
  use.bytes = 30;
  use.least_bytes = 20;
  use.budget = {25, absl::Hours(1)};
  use.images.push_back({images_->Find("busybox:1"), 10, {container}, {}});
  use.images.push_back({images_->Find("busybox:1"), 5, {}, absl::Now()});
  use.removed[{container, "unknown"}] = 4;
  images_->use = use;
  v1::StatusRequest request;
  request.set_verbose(true);
  v1::StatusResponse response;
  ASSERT_TRUE(Call(*runtime_, &Runtime::Status, request, &response).ok());
  const auto parsed =
      runtime::ParseJson(response.info().at("images"), "images");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const runtime::Json& info = *parsed;
  EXPECT_EQ(info["bytes"], 30);
  EXPECT_EQ(info["budget"]["max_bytes"], 25);
  EXPECT_EQ(info["budget"]["least_bytes"], 20);
  EXPECT_EQ(info["budget"]["max_unused_seconds"], 3600);
  EXPECT_EQ(info["images"][0]["name"], "busybox:1");
  EXPECT_EQ(info["images"][0]["own_bytes"], 10);
  EXPECT_THAT(info["images"][0]["holders"], ElementsAre("n/p/c"));
  EXPECT_FALSE(info["images"][0].contains("unused_seconds"));
  EXPECT_GE(info["images"][1]["unused_seconds"].get<double>(), 0);
  EXPECT_THAT(info["removed"][0]["holders"], ElementsAre("n/p/c", "unknown"));
  EXPECT_EQ(info["removed"][0]["bytes"], 4);
}

// The fake forgets all holds, as a power loss may make a store do.
TEST_F(ImageUseTest, AStartHoldsAgainWhatContainersHave) {
  const std::string container = CreateContainer(RunPod());
  Restart();
  EXPECT_THAT(images_->Holders(), ElementsAre(container));
}

TEST_F(ImageUseTest, WhatIsAskedForByNameIsExpected) {
  v1::ImageStatusRequest request;
  v1::ImageStatusResponse response;
  request.mutable_image()->set_image("none:1");
  ASSERT_TRUE(
      Call(*image_service_, &Images::ImageStatus, request, &response).ok());
  request.mutable_image()->set_image("busybox:1");
  ASSERT_TRUE(
      Call(*image_service_, &Images::ImageStatus, request, &response).ok());
  EXPECT_THAT(images_->Expected(), ElementsAre("sha256:1"));
}

}  // namespace
}  // namespace cri::server
