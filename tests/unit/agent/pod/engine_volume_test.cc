// SPDX-License-Identifier: Apache-2.0
// What a pod's users and image volumes make of its requests.
#include "tests/unit/agent/pod/engine_fixture.h"

namespace agent::pod {
namespace {

TEST_F(EngineTest, PodWithoutHostUsersGetsItsOwnIds) {
  Json pod = Pod("p", "u1");
  pod["spec"]["hostUsers"] = false;
  cluster_.Set(pod);
  Begin();
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  World world = cri_.Look();
  const v1::UserNamespace& user = world.configs.begin()
                                      ->second.linux()
                                      .security_context()
                                      .namespace_options()
                                      .userns_options();
  EXPECT_EQ(user.mode(), v1::POD);
  ASSERT_EQ(user.uids_size(), 1);
  EXPECT_EQ(user.uids(0).host_id(), 65536u);
  EXPECT_EQ(user.uids(0).length(), 65536u);
  const v1::ContainerConfig& config = world.Find("c")->config;
  EXPECT_EQ(config.linux()
                .security_context()
                .namespace_options()
                .userns_options()
                .SerializeAsString(),
            user.SerializeAsString());
  ASSERT_GT(config.mounts_size(), 0);
  for (const v1::Mount& mount : config.mounts()) {
    ASSERT_EQ(mount.uidmappings_size(), 1) << mount.container_path();
    EXPECT_EQ(mount.gidmappings(0).host_id(), 65536u);
  }
}

TEST_F(EngineTest, PodWithoutHostUsersNeedsARuntimeThatCan) {
  cri_.SetUserNamespaces(false);
  Json pod = Pod("p", "u1");
  pod["spec"]["hostUsers"] = false;
  cluster_.Set(pod);
  Begin();
  EXPECT_TRUE(
      cluster_.WaitForEvent("FailedCreatePodSandBox", "hostUsers: false"));
  EXPECT_TRUE(cri_.Look().configs.empty());
}

Json PodWithImageVolume(const std::string& policy) {
  Json pod = Pod("p", "u1");
  pod["spec"]["volumes"] = Json::array(
      {{{"name", "data"},
        {"image", {{"reference", "vol:1"}, {"pullPolicy", policy}}}},
       {{"name", "unused"}, {"image", {{"reference", "other:1"}}}}});
  pod["spec"]["containers"][0]["volumeMounts"] = Json::array(
      {{{"name", "data"}, {"mountPath", "/data"}, {"subPath", "a/b"}}});
  return pod;
}

TEST_F(EngineTest, ImageVolumeIsPulledAndMounted) {
  cluster_.Set(PodWithImageVolume("IfNotPresent"));
  Begin();
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  World world = cri_.Look();
  EXPECT_TRUE(world.Called("PullImage vol:1"));
  EXPECT_FALSE(world.Called("PullImage other:1"));  // nobody mounts it
  const v1::Mount* mount = nullptr;
  for (const v1::Mount& one : world.Find("c")->config.mounts()) {
    if (one.container_path() == "/data") mount = &one;
  }
  ASSERT_NE(mount, nullptr);
  EXPECT_EQ(mount->image().image(), "sha256:vol:1");
  EXPECT_EQ(mount->image_sub_path(), "a/b");
  EXPECT_EQ(mount->host_path(), "");
  EXPECT_TRUE(mount->readonly());
}

TEST_F(EngineTest, ImageVolumeThatMayNotBePulledIsNamed) {
  cluster_.Set(PodWithImageVolume("Never"));
  Begin();
  EXPECT_TRUE(cluster_.WaitForEvent("ErrImageNeverPull", "vol:1"));
  EXPECT_TRUE(cri_.Look().containers.empty());
}

}  // namespace
}  // namespace agent::pod
