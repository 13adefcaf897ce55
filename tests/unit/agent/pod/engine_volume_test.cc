// SPDX-License-Identifier: Apache-2.0
// What a pod's users and image volumes make of its requests.
#include <sys/stat.h>

#include <map>
#include <string>

#include "runtime/base/file.h"
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

TEST_F(EngineTest, Cve2020_8557_WhatHasEndedMakesRoomForWhatStarts) {
  Json pod = Pod("p", "u1");
  pod["spec"]["containers"].push_back(pod["spec"]["containers"][0]);
  pod["spec"]["containers"][1]["name"] = "other";
  cluster_.Set(pod);
  Begin();
  ASSERT_TRUE(cri_.WaitFor([](const World& w) { return w.Running() == 2; }));
  const World world = cri_.Look();
  std::map<std::string, std::string> words;
  for (const char* name : {"c", "other"}) {
    for (const v1::Mount& one : world.Find(name)->config.mounts()) {
      if (one.container_path() == "/dev/termination-log") {
        words[name] = one.host_path();
      }
    }
    ASSERT_THAT(runtime::WriteFile(words[name], std::string(1 << 20, 'x')),
                IsOk());
  }
  cri_.Exit("c", 1);
  ASSERT_TRUE(cri_.WaitFor([](const World& w) {
    return w.Find("c")->config.metadata().attempt() == 1;
  }));
  struct stat info {};
  ASSERT_EQ(stat(words["c"].c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 4096);
  // It runs, and may go on writing where it was.
  ASSERT_EQ(stat(words["other"].c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 1 << 20);
}

}  // namespace
}  // namespace agent::pod
