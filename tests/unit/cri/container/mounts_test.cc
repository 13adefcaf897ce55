// SPDX-License-Identifier: Apache-2.0
#include "cri/container/mounts.h"

#include <unistd.h>

#include "cri/container/check.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using runtime::Json;
using ::testing::HasSubstr;
using ::tests::StatusIs;

class MountsTest : public ::testing::Test {
 protected:
  MountsTest() {
    input_.config = &config_;
    input_.sandbox = &sandbox_;
    input_.pod_files_dir = "/pod";
    input_.shm_dir = "/pod/shm";
    image_.layer_dirs = {"/layers/low", "/layers/top"};
    input_.find_image = [this](const std::string& name) {
      return name == "known" ? std::make_shared<image::Image>(image_) : nullptr;
    };
  }

  v1::Mount& Add(const std::string& target) {
    v1::Mount& mount = *config_.add_mounts();
    mount.set_container_path(target);
    mount.set_host_path(dir_.path());
    return mount;
  }

  // The entry for a destination, null if there is none; one at most.
  Json Entry(const MountPlan& plan, const std::string& target) {
    Json found;
    for (const Json& entry : plan.mounts) {
      if (runtime::StringAt(entry, "destination") != target) continue;
      EXPECT_TRUE(found.is_null()) << target << " twice";
      found = entry;
    }
    return found;
  }

  tests::TempDir dir_;
  v1::ContainerConfig config_;
  v1::PodSandboxConfig sandbox_;
  SpecInput input_;
  image::Image image_;
};

TEST_F(MountsTest, UsualMounts) {
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  EXPECT_EQ(Entry(plan, "/dev/shm")["source"], "/pod/shm");
  EXPECT_EQ(Entry(plan, "/etc/resolv.conf")["source"], "/pod/resolv.conf");
  EXPECT_EQ(Entry(plan, "/sys")["options"].back(), "ro");
  EXPECT_EQ(Entry(plan, "/sys/fs/cgroup")["options"].back(), "ro");
  EXPECT_EQ(plan.mounts[0]["destination"], "/proc");
}

TEST_F(MountsTest, PrivilegedMayWriteToSys) {
  config_.mutable_linux()->mutable_security_context()->set_privileged(true);
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  EXPECT_EQ(Entry(plan, "/sys")["options"].back(), "rw");
  EXPECT_EQ(Entry(plan, "/sys/fs/cgroup")["options"].back(), "rw");
}

TEST_F(MountsTest, HostIpcUsesTheHosts) {
  input_.shm_dir.clear();
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  EXPECT_EQ(Entry(plan, "/dev/shm")["source"], "/dev/shm");
  EXPECT_EQ(Entry(plan, "/dev/mqueue")["type"], "mqueue");
}

TEST_F(MountsTest, RequestedMountReplacesAUsualOne) {
  Add("/etc//hosts");
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  EXPECT_EQ(Entry(plan, "/etc/hosts")["source"], dir_.path());
}

TEST_F(MountsTest, ParentsComeBeforeChildren) {
  Add("/a/b/c");
  Add("/a");
  Add("/a/b");
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  std::string order;
  for (const Json& entry : plan.mounts) {
    std::string target = runtime::StringAt(entry, "destination");
    if (target.substr(0, 2) == "/a") order += target + " ";
  }
  EXPECT_EQ(order, "/a /a/b /a/b/c ");
}

// A kubelet mounts its termination log over a volume of the same place.
TEST_F(MountsTest, OfTwoMountsInOnePlaceTheLaterIsOnTop) {
  Add("/dev/termination-log").set_host_path("/usr");
  Add("/dev/termination-log/").set_host_path("/etc");
  std::string sources;
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  for (const Json& entry : plan.mounts) {
    if (entry["destination"] != "/dev/termination-log") continue;
    sources += runtime::StringAt(entry, "source") + " ";
  }
  EXPECT_EQ(sources, "/usr /etc ");
}

TEST_F(MountsTest, SymlinkOfTheHostIsFollowed) {
  const std::string link = dir_ / "link";
  ASSERT_EQ(symlink("/tmp", link.c_str()), 0);
  Add("/x").set_host_path(link);
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  EXPECT_EQ(Entry(plan, "/x")["source"], "/tmp");
}

TEST_F(MountsTest, ProcfsOfTheHostAndFilesOfLxcfsMayCoverProc) {
  Add("/proc").set_host_path("/proc");
  EXPECT_OK(CheckMount(Add("/proc/meminfo")));
  EXPECT_OK(CheckMount(config_.mounts(0)));
  EXPECT_OK(PlanMounts(input_));
}

TEST_F(MountsTest, OptionsFollowTheRequest) {
  Add("/ro").set_readonly(true);
  v1::Mount& recursive = Add("/rro");
  recursive.set_readonly(true);
  recursive.set_recursive_read_only(true);
  Add("/slave").set_propagation(v1::PROPAGATION_HOST_TO_CONTAINER);
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  EXPECT_EQ(Entry(plan, "/ro")["options"], (Json{"rbind", "rprivate", "ro"}));
  EXPECT_EQ(Entry(plan, "/rro")["options"], (Json{"rbind", "rprivate", "rro"}));
  EXPECT_EQ(Entry(plan, "/slave")["options"], (Json{"rbind", "rslave", "rw"}));
  EXPECT_EQ(plan.rootfs_propagation, "rslave");
}

TEST_F(MountsTest, AnImageIsItsLayersTopFirst) {
  v1::Mount& mount = Add("/data");
  mount.clear_host_path();
  mount.set_readonly(true);
  mount.mutable_image()->set_image("known");
  mount.set_image_sub_path("a/b");
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  Json entry = Entry(plan, "/data");
  EXPECT_EQ(entry["type"], "overlay");
  EXPECT_EQ(entry["options"],
            (Json{"ro", "nosuid", "nodev", "lowerdir=/layers/top:/layers/low",
                  "coracle.subpath=a/b"}));
}

TEST_F(MountsTest, AUserNamespaceMapsWhatIsOursAndWhatTheRequestMaps) {
  input_.id_maps.uids = input_.id_maps.gids = {{0, 65536, 65536}};
  v1::Mount& mapped = Add("/mapped");
  for (v1::IDMapping* map :
       {mapped.add_uidmappings(), mapped.add_gidmappings()}) {
    map->set_host_id(65536);
    map->set_length(65536);
  }
  Add("/plain");
  ASSERT_OK_AND_ASSIGN(MountPlan plan, PlanMounts(input_));
  const Json map =
      Json::array({{{"containerID", 0}, {"hostID", 65536}, {"size", 65536}}});
  EXPECT_EQ(Entry(plan, "/mapped")["uidMappings"], map);
  EXPECT_EQ(Entry(plan, "/mapped")["gidMappings"], map);
  EXPECT_EQ(Entry(plan, "/etc/hosts")["uidMappings"], map);
  EXPECT_FALSE(runtime::Has(Entry(plan, "/plain"), "uidMappings"));
}

struct BadRow {
  const char* name;
  void (*spoil)(v1::Mount&);
  absl::StatusCode code;
  const char* error;
};

class BadMountTest : public MountsTest,
                     public ::testing::WithParamInterface<BadRow> {};

TEST_P(BadMountTest, ErrorNamesTheMount) {
  v1::Mount& mount = Add("/data");
  GetParam().spoil(mount);
  absl::Status status = CheckMount(mount);
  if (status.ok()) status = PlanMounts(input_).status();
  EXPECT_THAT(status, StatusIs(GetParam().code, HasSubstr(GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadMountTest,
    ::testing::Values(
        BadRow{"MissingSource",
               [](v1::Mount& m) { m.set_host_path("/nonexistent/x"); },
               absl::StatusCode::kNotFound,
               "mount /data: host_path: /nonexistent/x"},
        BadRow{"RelativeSource", [](v1::Mount& m) { m.set_host_path("x"); },
               absl::StatusCode::kInvalidArgument, "mount /data: host_path"},
        BadRow{"RelativeTarget",
               [](v1::Mount& m) { m.set_container_path("data"); },
               absl::StatusCode::kInvalidArgument, "mount data"},
        BadRow{"RootTarget",
               [](v1::Mount& m) { m.set_container_path("/../."); },
               absl::StatusCode::kInvalidArgument, "mount /../."},
        BadRow{"InsideProc",
               [](v1::Mount& m) { m.set_container_path("/proc/../proc/sys"); },
               absl::StatusCode::kInvalidArgument,
               "container_path: is inside /proc"},
        BadRow{"OverProc",
               [](v1::Mount& m) { m.set_container_path("//proc/"); },
               absl::StatusCode::kInvalidArgument,
               "mount /proc: container_path: "},
        BadRow{"ImageOverProc",
               [](v1::Mount& m) {
                 m.set_container_path("/proc");
                 m.clear_host_path();
                 m.set_readonly(true);
                 m.mutable_image()->set_image("known");
               },
               absl::StatusCode::kInvalidArgument,
               "mount /proc: container_path: "},
        BadRow{"RecursiveWithoutReadonly",
               [](v1::Mount& m) { m.set_recursive_read_only(true); },
               absl::StatusCode::kInvalidArgument,
               "RROUnsupported: mount /data: "},
        BadRow{"RecursiveSlave",
               [](v1::Mount& m) {
                 m.set_readonly(true);
                 m.set_recursive_read_only(true);
                 m.set_propagation(v1::PROPAGATION_HOST_TO_CONTAINER);
               },
               absl::StatusCode::kInvalidArgument,
               "RROUnsupported: mount /data: "},
        BadRow{
            "ImageAndHostPath",
            [](v1::Mount& m) { m.mutable_image()->set_image("known"); },
            absl::StatusCode::kInvalidArgument,
            "ImageVolumeMountFailed: mount /data: image: excludes host_path"},
        BadRow{"WritableImage",
               [](v1::Mount& m) {
                 m.clear_host_path();
                 m.mutable_image()->set_image("known");
               },
               absl::StatusCode::kInvalidArgument, "readonly: true"},
        BadRow{"UnknownImage",
               [](v1::Mount& m) {
                 m.clear_host_path();
                 m.set_readonly(true);
                 m.mutable_image()->set_image("nope");
               },
               absl::StatusCode::kNotFound,
               "ImageVolumeMountFailed: mount /data: image \"nope\""},
        BadRow{"ImageSubPathUpwards",
               [](v1::Mount& m) {
                 m.clear_host_path();
                 m.set_readonly(true);
                 m.mutable_image()->set_image("known");
                 m.set_image_sub_path("a/../../b");
               },
               absl::StatusCode::kInvalidArgument, "image_sub_path"}),
    [](const auto& row) { return row.param.name; });

TEST(CleanPathTest, NeverLeavesTheRoot) {
  EXPECT_EQ(CleanPath(""), "/");
  EXPECT_EQ(CleanPath("/../.."), "/");
  EXPECT_EQ(CleanPath("/a//b/./../c/"), "/a/c");
  EXPECT_EQ(CleanPath("a/../../b"), "/b");
}

}  // namespace
}  // namespace cri::container
