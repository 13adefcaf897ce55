// SPDX-License-Identifier: Apache-2.0
#include "cri/container/oci_config.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using runtime::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::tests::IsOkAndHolds;
using ::tests::StatusIs;

class OciConfigTest : public ::testing::Test {
 protected:
  OciConfigTest() {
    image_.env = {"PATH=/bin", "A=image", "broken", "=x"};
    image_.entrypoint = {"/entry"};
    image_.cmd = {"cmd"};
    image_.working_dir = "/work";
    input_.id = "c1";
    input_.sandbox_id = "s1";
    input_.cgroup_parent = "/kubepods/pod1";
    input_.hostname = "web-0";
    input_.pod_files_dir = "/pod";
    input_.shm_dir = "/shm";
    input_.config = &config_;
    input_.sandbox = &sandbox_;
    input_.image = &image_;
    input_.read_image_file =
        [](const char*) -> absl::StatusOr<std::optional<std::string>> {
      return std::nullopt;
    };
  }

  v1::LinuxContainerSecurityContext& Security() {
    return *config_.mutable_linux()->mutable_security_context();
  }
  void SetPodPid(v1::NamespaceMode mode) {
    sandbox_.mutable_linux()
        ->mutable_security_context()
        ->mutable_namespace_options()
        ->set_pid(mode);
  }
  Json Build() {
    absl::StatusOr<OciConfig> built = BuildOciConfig(input_);
    EXPECT_OK(built);
    return built.ok() ? built->json : Json();
  }
  // "new", a path, or "" if the sandbox's is used.
  static std::string PidNamespace(const Json& config) {
    for (const Json& entry : config["linux"]["namespaces"]) {
      if (entry["type"] == "pid") return entry.value("path", "new");
    }
    return "";
  }

  v1::ContainerConfig config_;
  v1::PodSandboxConfig sandbox_;
  image::Image image_;
  SpecInput input_;
};

struct ArgsRow {
  std::vector<std::string> command, args, result;
};

TEST_F(OciConfigTest, CommandAndArgsOverTheImage) {
  for (const ArgsRow& row :
       {ArgsRow{{}, {}, {"/entry", "cmd"}}, ArgsRow{{}, {"a"}, {"/entry", "a"}},
        ArgsRow{{"c"}, {}, {"c"}}, ArgsRow{{"c"}, {"a"}, {"c", "a"}}}) {
    v1::ContainerConfig config;
    *config.mutable_command() = {row.command.begin(), row.command.end()};
    *config.mutable_args() = {row.args.begin(), row.args.end()};
    EXPECT_THAT(ProcessArgs(config, image_), IsOkAndHolds(row.result));
  }
}

TEST_F(OciConfigTest, NoProgramIsAnError) {
  image::Image empty;
  EXPECT_THAT(ProcessArgs(config_, empty),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("neither the request nor the image")));
}

TEST_F(OciConfigTest, EnvironmentOfTheRequestWins) {
  v1::KeyValue* pair = config_.add_envs();
  pair->set_key("A");
  pair->set_value("request\nwith=line");
  config_.set_tty(true);
  EXPECT_EQ(
      ProcessEnv(input_, Identity{}),
      (std::vector<std::string>{"PATH=/bin", "A=request\nwith=line",
                                "HOSTNAME=web-0", "HOME=", "TERM=xterm"}));
}

TEST_F(OciConfigTest, BadEnvironmentIsRefused) {
  for (const std::string& key : {std::string(), std::string("A=B")}) {
    v1::ContainerConfig config;
    config.add_envs()->set_key(key);
    EXPECT_FALSE(CheckProcess(config).ok());
  }
  v1::ContainerConfig config;
  config.add_envs()->set_key("A");
  config.mutable_envs(0)->set_value(std::string("a\0b", 3));
  EXPECT_THAT(CheckProcess(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("envs: A: holds a NUL byte")));
}

TEST_F(OciConfigTest, PidNamespaceByPodAndContainer) {
  auto set = [this](v1::NamespaceMode pod, v1::NamespaceMode container) {
    SetPodPid(pod);
    Security().mutable_namespace_options()->set_pid(container);
  };
  set(v1::POD, v1::POD);
  EXPECT_EQ(PidNamespace(Build()), "");
  set(v1::CONTAINER, v1::CONTAINER);
  EXPECT_EQ(PidNamespace(Build()), "new");
  set(v1::POD, v1::CONTAINER);
  EXPECT_EQ(PidNamespace(Build()), "new");
  // The holder lives in the host's: without a shared one it must be new.
  set(v1::CONTAINER, v1::POD);
  EXPECT_EQ(PidNamespace(Build()), "new");
  set(v1::NODE, v1::NODE);
  EXPECT_EQ(PidNamespace(Build()), "");
  input_.target_pid = 77;
  set(v1::CONTAINER, v1::TARGET);
  EXPECT_EQ(PidNamespace(Build()), "/proc/77/ns/pid");
}

TEST_F(OciConfigTest, ResourcesKeepUnsetUnset) {
  EXPECT_EQ(ResourcesJson({}), Json::object());
  v1::LinuxContainerResources resources;
  resources.set_cpu_quota(50000);
  resources.set_cpu_period(100000);
  resources.set_cpu_shares(512);
  resources.set_memory_limit_in_bytes(15 << 20);
  resources.set_memory_swap_limit_in_bytes(15 << 20);
  resources.set_cpuset_cpus("0");
  (*resources.mutable_unified())["memory.high"] = "1";
  EXPECT_EQ(ResourcesJson(resources),
            Json::parse(R"({"cpu":{"quota":50000,"period":100000,"shares":512,
                            "cpus":"0"},
                            "memory":{"limit":15728640,"swap":15728640},
                            "unified":{"memory.high":"1"}})"));
}

TEST_F(OciConfigTest, CgroupIsBelowThePods) {
  EXPECT_EQ(Build()["linux"]["cgroupsPath"], "/kubepods/pod1/c1");
}

TEST_F(OciConfigTest, PrivilegedHasNoMasksAndAllDevices) {
  Security().add_masked_paths("/proc/kcore");
  Security().add_readonly_paths("/proc/sys");
  Json plain = Build();
  EXPECT_EQ(plain["linux"]["maskedPaths"], Json{"/proc/kcore"});
  EXPECT_EQ(plain["linux"]["readonlyPaths"], Json{"/proc/sys"});
  EXPECT_EQ(plain["linux"]["resources"]["devices"][0]["allow"], false);
  Security().set_privileged(true);
  Json privileged = Build();
  EXPECT_FALSE(privileged["linux"].contains("maskedPaths"));
  EXPECT_FALSE(privileged["linux"].contains("seccomp"));
  EXPECT_EQ(privileged["linux"]["resources"]["devices"].size(), 1u);
  EXPECT_FALSE(privileged["linux"]["devices"].empty());
}

TEST_F(OciConfigTest, Cve2024_3154_AnnotationsDoNotReachTheRuntime) {
  (*config_.mutable_annotations())["org.systemd.property.ExecStartPre"] = "x";
  (*sandbox_.mutable_annotations())["io.kubernetes.cri-o.UnifiedCgroup"] = "x";
  image_.labels["coracle.evil"] = "x";
  EXPECT_EQ(Build()["annotations"].size(), 3u);
}

TEST_F(OciConfigTest, Cve2023_6476_AllowedAnnotationsAreTakenByTheirExactName) {
  (*sandbox_.mutable_annotations())["example.org/a"] = "1";
  (*sandbox_.mutable_annotations())["example.org/ab"] = "2";
  (*sandbox_.mutable_annotations())["coracle.container.id"] = "forged";
  (*config_.mutable_annotations())["example.org/b"] = "of a container";
  input_.pod_annotations = {"example.org/a", "example.org/b",
                            "coracle.container.id"};
  const runtime::Json annotations = Build()["annotations"];
  EXPECT_EQ(annotations.size(), 4u);
  EXPECT_EQ(annotations["example.org/a"], "1");
  EXPECT_NE(annotations["coracle.container.id"], "forged");
}

TEST_F(OciConfigTest, WorkingDirectoryIsCleaned) {
  EXPECT_EQ(Build()["process"]["cwd"], "/work");
  config_.set_working_dir("/proc/self/../../x");
  EXPECT_EQ(Build()["process"]["cwd"], "/x");
}

TEST_F(OciConfigTest, AppArmorProfileThatCannotBeHadIsAnError) {
  Security().mutable_apparmor()->set_profile_type(
      v1::SecurityProfile::Localhost);
  EXPECT_FALSE(BuildOciConfig(input_).ok());
}

// CVE-2026-15809 is the same once more.
TEST_F(OciConfigTest, Cve2022_4318_HomeWithALineOfPasswdIsAVariableOnly) {
  const std::string evil = "/\nroot2::0:0::/:/bin/sh";
  auto destinations = [](const Json& config) {
    std::vector<std::string> paths;
    for (const Json& mount : config["mounts"]) {
      paths.push_back(mount["destination"]);
    }
    return paths;
  };
  const std::vector<std::string> usual = destinations(Build());
  for (const bool from_image : {true, false}) {
    image_.env = {"PATH=/bin"};
    config_.clear_envs();
    if (from_image) {
      image_.env.push_back("HOME=" + evil);
    } else {
      v1::KeyValue& pair = *config_.add_envs();
      pair.set_key("HOME");
      pair.set_value(evil);
    }
    const Json config = Build();
    EXPECT_THAT(config["process"]["env"], Contains("HOME=" + evil));
    // No passwd, nor any other file, is made of it.
    EXPECT_EQ(destinations(config), usual);
  }
}

// CVE-2022-23648 as well: an image's VOLUME is a word about the image.
TEST_F(OciConfigTest, Cve2021_43816_VolumesOfTheImageAreNoMounts) {
  const Json usual = Build();
  image_.volumes = {"/../../etc", "", "/proc", "/data", "etc/../../../root"};
  EXPECT_EQ(Build(), usual);
}

}  // namespace
}  // namespace cri::container
