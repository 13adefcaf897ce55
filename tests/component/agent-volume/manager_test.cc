// SPDX-License-Identifier: Apache-2.0
// The volume manager against the real kernel: what is mounted, what it shows,
// and that nothing stays behind.
#include <fcntl.h>
#include <sys/statfs.h>

#include "tests/component/agent-volume/sandbox.h"

namespace agent::volume {
namespace {

using object::FakeSource;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

constexpr long kTmpfsMagic = 0x01021994;

long Filesystem(const std::string& path) {
  struct statfs fs {};
  return statfs(path.c_str(), &fs) == 0 ? static_cast<long>(fs.f_type) : 0;
}

using ManagerTest = VolumeSandbox;

TEST_F(ManagerTest, EmptyDirIsOpenToAllAndKeptAsItIs) {
  Json pod = Pod(R"([{"name":"e","emptyDir":{}}])");
  ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(pod));
  const std::string& path = paths["e"];
  EXPECT_EQ(path, PodDirectory() + "/volumes/kubernetes.io~empty-dir/e");
  EXPECT_EQ(Mode(path), 0777u);
  ASSERT_EQ(chmod(path.c_str(), 0700), 0);
  ASSERT_THAT(runtime::WriteFileAtomic(path + "/f", "x"), IsOk());
  Restart();
  ASSERT_THAT(manager_->Mount(pod), IsOk());
  EXPECT_EQ(Mode(path), 0700u);
  EXPECT_TRUE(runtime::Exists(path + "/f"));
  ASSERT_THAT(manager_->Unmount("u-1"), IsOk());
  EXPECT_FALSE(runtime::Exists(PodDirectory()));
}

TEST_F(ManagerTest, MemoryDirIsSizedByTheSmallestLimit) {
  const struct {
    const char* volume;
    uint64_t bytes;
  } kRows[] = {
      {R"([{"name":"m","emptyDir":{"medium":"Memory"}}])", 64 << 20},
      {R"([{"name":"m","emptyDir":{"medium":"Memory","sizeLimit":"8Mi"}}])",
       8 << 20},
      {R"([{"name":"m","emptyDir":{"medium":"Memory","sizeLimit":"1Gi"}}])",
       64 << 20},
  };
  for (const auto& row : kRows) {
    ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(Pod(row.volume)));
    struct statfs fs {};
    ASSERT_EQ(statfs(paths["m"].c_str(), &fs), 0);
    EXPECT_EQ(static_cast<long>(fs.f_type), kTmpfsMagic);
    EXPECT_EQ(fs.f_blocks * static_cast<uint64_t>(fs.f_bsize), row.bytes);
    EXPECT_EQ(Mode(paths["m"]), 0777u);
    ASSERT_THAT(manager_->Mount(Pod(row.volume)), IsOk());
    EXPECT_EQ(Mounts(), 1u) << "mounted twice";
    ASSERT_THAT(manager_->Unmount("u-1"), IsOk());
  }
  Json pod = Pod(kRows[0].volume);
  pod["spec"]["containers"][0]["resources"]["limits"]["memory"] = "4Mi";
  ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(pod));
  struct statfs fs {};
  ASSERT_EQ(statfs(paths["m"].c_str(), &fs), 0);
  EXPECT_EQ(fs.f_blocks * static_cast<uint64_t>(fs.f_bsize), 4u << 20);
}

TEST_F(ManagerTest, FsGroupOwnsWhatThePodMayUse) {
  source_.secrets["shop/s"] = FakeSource::Make(R"({"data":{"k":"djE="}})");
  Json pod = Pod(R"([{"name":"e","emptyDir":{}},
                     {"name":"m","emptyDir":{"medium":"Memory"}},
                     {"name":"s","secret":{"secretName":"s","defaultMode":256}}
                    ])",
                 R"(,"securityContext":{"fsGroup":4242})");
  ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(pod));
  for (const char* name : {"e", "m"}) {
    struct stat st {};
    ASSERT_EQ(stat(paths[name].c_str(), &st), 0);
    EXPECT_EQ(st.st_gid, 4242u) << name;
    EXPECT_EQ(st.st_mode & 07777, 02777u) << name;
  }
  struct stat st {};
  ASSERT_EQ(stat((paths["s"] + "/k").c_str(), &st), 0);
  EXPECT_EQ(st.st_gid, 4242u);
  EXPECT_EQ(st.st_mode & 07777, 0440u);
}

TEST_F(ManagerTest, SecretsLiveInMemoryAndFollowTheObject) {
  source_.secrets["shop/s"] = FakeSource::Make(R"({"data":{"k":"djE="}})");
  source_.config_maps["shop/cm"] = FakeSource::Make(R"({"data":{"a":"1"}})");
  Json pod = Pod(R"([{"name":"s","secret":{"secretName":"s"}},
    {"name":"c","configMap":{"name":"cm","defaultMode":256}},
    {"name":"d","downwardAPI":{"items":[{"path":"n",
       "fieldRef":{"fieldPath":"metadata.name"}}]}},
    {"name":"p","projected":{"sources":[
       {"serviceAccountToken":{"path":"token"}}]}}])");
  ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(pod));
  for (const char* name : {"s", "d", "p"}) {
    EXPECT_EQ(Filesystem(paths[name]), kTmpfsMagic) << name;
  }
  EXPECT_THAT(runtime::ReadFile(paths["s"] + "/k"), IsOkAndHolds("v1"));
  EXPECT_THAT(runtime::ReadFile(paths["d"] + "/n"), IsOkAndHolds("p"));
  EXPECT_THAT(runtime::ReadFile(paths["p"] + "/token"), IsOk());
  EXPECT_EQ(Mode(paths["c"] + "/..data/a"), 0400u);
  source_.secrets["shop/s"] = FakeSource::Make(R"({"data":{"k":"djI="}})");
  Restart();
  ASSERT_THAT(manager_->Mount(pod), IsOk());
  EXPECT_THAT(runtime::ReadFile(paths["s"] + "/k"), IsOkAndHolds("v2"));
  EXPECT_EQ(Mounts(), 3u);
  // An object that vanishes later takes nothing from a pod that runs.
  source_.secrets.clear();
  EXPECT_THAT(manager_->Mount(pod), IsOk());
  EXPECT_THAT(runtime::ReadFile(paths["s"] + "/k"), IsOkAndHolds("v2"));
  ASSERT_THAT(manager_->Unmount("u-1"), IsOk());
  EXPECT_EQ(Mounts(), 0u);
}

TEST_F(ManagerTest, SaysWhichVolumeFailedAndWhy) {
  const std::pair<const char*, const char*> kRows[] = {
      {R"([{"name":"v","configMap":{"name":"no"}}])",
       "MountVolume.SetUp failed for volume \"v\" : configmap \"no\" not "
       "found"},
      {R"([{"name":"v","persistentVolumeClaim":{"claimName":"x"}}])",
       "MountVolume.SetUp failed for volume \"v\" : volume type "
       "persistentVolumeClaim is not supported"},
      {R"([{"name":"v","emptyDir":{"medium":"Odd"}}])",
       "MountVolume.SetUp failed for volume \"v\" : unknown storage medium "
       "\"Odd\""},
      {R"([{"name":"../v","emptyDir":{}}])",
       "MountVolume.SetUp failed for volume \"../v\" : it has no name"},
  };
  for (const auto& [volumes, text] : kRows) {
    EXPECT_EQ(manager_->Mount(Pod(volumes)).status().message(), text);
  }
  EXPECT_EQ(Mounts(), 0u);
  EXPECT_FALSE(manager_->Mount(Json::object()).ok());
  EXPECT_FALSE(manager_->Unmount("../..").ok());
}

TEST_F(ManagerTest, UnmountWorksAfterARestartWithBusyAndStackedMounts) {
  source_.secrets["shop/s"] = FakeSource::Make(R"({"data":{"k":"djE="}})");
  Json pod = Pod(R"([{"name":"s","secret":{"secretName":"s"}},
                     {"name":"m","emptyDir":{"medium":"Memory"}}])");
  ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(pod));
  ASSERT_EQ(mount("t", paths["m"].c_str(), "tmpfs", 0, nullptr), 0);
  runtime::UniqueFd busy(
      open(paths["s"].c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Restart();
  EXPECT_THAT(manager_->Existing(), ElementsAre("u-1"));
  ASSERT_THAT(manager_->Unmount("u-1"), IsOk());
  EXPECT_EQ(Mounts(), 0u);
  EXPECT_THAT(manager_->Existing(), IsEmpty());
  EXPECT_THAT(manager_->Unmount("u-1"), IsOk());
}

// A container that writes to its /etc/hosts without end fills this and no more.
TEST_F(ManagerTest, Cve2020_8557_FilesOfContainersAreBounded) {
  ASSERT_OK_AND_ASSIGN(const std::string path, manager_->ContainerFiles("u-1"));
  EXPECT_EQ(path, PodDirectory() + "/containers");
  EXPECT_EQ(Filesystem(path), kTmpfsMagic);
  EXPECT_THAT(runtime::WriteFileAtomic(path + "/f", std::string(2 << 20, 'x')),
              IsOk());
  EXPECT_THAT(runtime::WriteFileAtomic(path + "/g", std::string(64 << 20, 'x')),
              StatusIs(absl::StatusCode::kResourceExhausted));
  Restart();
  EXPECT_THAT(manager_->ContainerFiles("u-1"), IsOkAndHolds(path));
  EXPECT_EQ(Mounts(), 1u);
  EXPECT_TRUE(runtime::Exists(path + "/f"));
  ASSERT_THAT(manager_->Unmount("u-1"), IsOk());
  EXPECT_EQ(Mounts(), 0u);
  EXPECT_FALSE(runtime::Exists(PodDirectory()));
  EXPECT_FALSE(manager_->ContainerFiles("../..").ok());
}

TEST_F(ManagerTest, HalfMadeVolumesOfAKilledAgentAreFinished) {
  std::string kind = PodDirectory() + "/volumes/kubernetes.io~empty-dir";
  ASSERT_THAT(runtime::MakeDirs(kind + "/e.tmp~", 0700), IsOk());
  ASSERT_THAT(runtime::MakeDirs(
                  PodDirectory() + "/volumes/kubernetes.io~secret/s", 0700),
              IsOk());
  source_.secrets["shop/s"] = FakeSource::Make(R"({"data":{"k":"djE="}})");
  ASSERT_OK_AND_ASSIGN(HostPaths paths,
                       manager_->Mount(Pod(R"([{"name":"e","emptyDir":{}},
                              {"name":"s","secret":{"secretName":"s"}}])")));
  EXPECT_EQ(Mode(paths["e"]), 0777u);
  EXPECT_EQ(Filesystem(paths["s"]), kTmpfsMagic);
  EXPECT_THAT(*runtime::ListDir(kind), ElementsAre("e"));
}

TEST_F(ManagerTest, ImageIsLeftToTheRuntime) {
  Json pod = Pod(R"([{"name":"i","image":{"reference":"data:1"}}])");
  ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(pod));
  EXPECT_THAT(paths, IsEmpty());
  Json container = Json::parse(R"({"name":"c","volumeMounts":[
    {"name":"i","mountPath":"/i","subPath":"a/b"}]})");
  ASSERT_OK_AND_ASSIGN(auto mounts,
                       manager_->ContainerMounts(pod, container, paths, {}));
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].image_volume, "i");
  EXPECT_EQ(mounts[0].image_sub_path, "a/b");
  EXPECT_EQ(mounts[0].host_path, "");
  EXPECT_TRUE(mounts[0].read_only);
  container["volumeMounts"][0]["subPath"] = "../x";
  EXPECT_FALSE(manager_->ContainerMounts(pod, container, paths, {}).ok());
}

TEST_F(ManagerTest, ContainerMountsCarryTheirOptions) {
  source_.config_maps["shop/cm"] = FakeSource::Make(R"({"data":{"a":"1"}})");
  Json pod = Pod(R"([{"name":"e","emptyDir":{}},
                     {"name":"c","configMap":{"name":"cm"}}])");
  ASSERT_OK_AND_ASSIGN(HostPaths paths, manager_->Mount(pod));
  Json container = Json::parse(R"({"name":"c","volumeMounts":[
    {"name":"e","mountPath":"/e","mountPropagation":"HostToContainer"},
    {"name":"e","mountPath":"r","readOnly":true,
     "recursiveReadOnly":"Enabled"},
    {"name":"c","mountPath":"/c"}]})");
  ASSERT_OK_AND_ASSIGN(auto mounts,
                       manager_->ContainerMounts(pod, container, paths, {}));
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_EQ(mounts[0].propagation, "HostToContainer");
  EXPECT_FALSE(mounts[0].read_only);
  EXPECT_EQ(mounts[1].container_path, "/r");
  EXPECT_TRUE(mounts[1].recursive_read_only);
  EXPECT_TRUE(mounts[2].read_only);
  const std::pair<const char*, const char*> kBad[] = {
      {R"({"name":"none","mountPath":"/x"})",
       "cannot find volume \"none\" to mount into container \"c\""},
      {R"({"name":"e","mountPath":"/x","mountPropagation":"Odd"})",
       "unknown mountPropagation \"Odd\""},
      {R"({"name":"e","mountPath":"/x","recursiveReadOnly":"Enabled"})",
       "recursiveReadOnly needs readOnly: true"},
      {R"({"name":"e","mountPath":"/x","subPath":"/abs"})",
       "error SubPath `/abs` must not be an absolute path"},
      {R"json({"name":"e","mountPath":"/x","subPathExpr":"$(NO)/$(A)"})json",
       "missing value for NO"},
  };
  for (const auto& [mount, text] : kBad) {
    container["volumeMounts"] = Json::array({Json::parse(mount)});
    EXPECT_EQ(manager_->ContainerMounts(pod, container, paths, {{"A", "1"}})
                  .status()
                  .message(),
              text);
  }
}

}  // namespace
}  // namespace agent::volume
