// SPDX-License-Identifier: Apache-2.0
// CreateContainer, and the calls on a container that is there.
#include "absl/strings/str_cat.h"
#include "runtime/lsm/lsm.h"
#include "tests/unit/cri/server/bad_input_fixture.h"

namespace cri::server {
namespace {

using BadContainerTest = BadInputTest;

// A good one, but for what the caller changes.
v1::Mount& ImageMount(v1::ContainerConfig& config) {
  v1::Mount& mount = *config.add_mounts();
  mount.set_container_path("/x");
  mount.set_readonly(true);
  mount.mutable_image()->set_image("busybox:1");
  return mount;
}

TEST_F(BadContainerTest, CreateContainerNamesTheField) {
  using Config = v1::ContainerConfig;
  const Spoiled<Config> kRows[] = {
      {"config.metadata.name", [](Config& c) { c.clear_metadata(); }},
      {"config.image.image", [](Config& c) { c.clear_image(); }},
      {"image \"nope\"",
       [](Config& c) { c.mutable_image()->set_image("nope"); }, kNotFound},
      {"config.log_path", [](Config& c) { c.set_log_path("../x"); }},
      {"config.log_path", [](Config& c) { c.set_log_path("."); }},
      {"config.log_path", [](Config& c) { c.set_log_path("a/"); }},
      {"config.log_path", [](Config& c) { c.set_log_path("a/."); }},
      {"config.log_path", [](Config& c) { c.set_log_path("/"); }},
      {"config.working_dir", [](Config& c) { c.set_working_dir("relative"); }},
      {"command", [](Config& c) { c.add_command(std::string("a\0b", 3)); }},
      {"command", [](Config& c) { c.add_command(""); }},
      {"args", [](Config& c) { c.add_args(std::string("a\0b", 3)); }},
      {"envs", [](Config& c) { c.add_envs()->set_key("A=B"); }},
      {"envs", [](Config& c) { c.add_envs()->set_value("no key"); }},
      {"container_path",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/tmp");
         mount.set_container_path("relative");
       }},
      {"host_path",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("relative");
         mount.set_container_path("/x");
       }},
      {"host_path",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/no/such/place");
         mount.set_container_path("/x");
       },
       kNotFound},
      {"recursive_read_only",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/tmp");
         mount.set_container_path("/x");
         mount.set_recursive_read_only(true);
       }},
      {"propagation",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/tmp");
         mount.set_container_path("/x");
         mount.set_propagation(static_cast<v1::MountPropagation>(kNoSuchEnum));
       }},
      {"devices", [](Config& c) { c.add_devices()->set_host_path("null"); }},
      {"permissions",
       [](Config& c) {
         v1::Device& device = *c.add_devices();
         device.set_host_path("/dev/null");
         device.set_permissions("rx");
       }},
      {"capabilities",
       [](Config& c) {
         Security(c).mutable_capabilities()->add_add_capabilities("FLY");
       }},
      {"run_as_group",
       [](Config& c) { Security(c).mutable_run_as_group()->set_value(1); }},
      {"run_as_user",
       [](Config& c) { Security(c).mutable_run_as_user()->set_value(-1); }},
      {"run_as_username",
       [](Config& c) {
         Security(c).mutable_run_as_user()->set_value(1);
         Security(c).set_run_as_username("root");
       }},
      {"supplemental_groups",
       [](Config& c) { Security(c).add_supplemental_groups(-5); }},
      {"supplemental_groups_policy",
       [](Config& c) {
         Security(c).set_supplemental_groups_policy(
             static_cast<v1::SupplementalGroupsPolicy>(kNoSuchEnum));
       }},
      {"config.image",
       [](Config& c) {
         c.mutable_image()->set_user_specified_image(std::string(100000, 'x'));
       }},
      {"namespace_options.network",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_network(v1::TARGET);
       }},
      {"namespace_options.ipc",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_ipc(v1::CONTAINER);
       }},
      {"namespace_options.userns_options.mode",
       [](Config& c) {
         Security(c)
             .mutable_namespace_options()
             ->mutable_userns_options()
             ->set_mode(static_cast<v1::NamespaceMode>(77));
       }},
      {"namespace_options.target_id",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_target_id("x");
       }},
      {"namespace_options.pid",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_pid(
             static_cast<v1::NamespaceMode>(kNoSuchEnum));
       }},
      {"target_id",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_pid(v1::TARGET);
       }},
      {"security_context.seccomp",
       [](Config& c) {
         Security(c).mutable_seccomp()->set_profile_type(
             v1::SecurityProfile::Localhost);
         Security(c).mutable_seccomp()->set_localhost_ref("relative.json");
       }},
      {"mount /x: image",
       [](Config& c) { ImageMount(c).set_host_path("/tmp"); }},
      {"mount /x: readonly",
       [](Config& c) { ImageMount(c).set_readonly(false); }},
      {"mount /x: image_sub_path",
       [](Config& c) { ImageMount(c).set_image_sub_path("a/../.."); }},
      {"ImageVolumeMountFailed: mount /x: propagation",
       [](Config& c) {
         ImageMount(c).set_propagation(v1::PROPAGATION_HOST_TO_CONTAINER);
       }},
      {"container_path",
       [](Config& c) { ImageMount(c).set_container_path("/.."); }},
      {"security_context.seccomp",
       [](Config& c) {
         Security(c).mutable_seccomp()->set_profile_type(
             static_cast<v1::SecurityProfile::ProfileType>(kNoSuchEnum));
       }},
      {"security_context.apparmor",
       [](Config& c) {
         Security(c).mutable_apparmor()->set_profile_type(
             v1::SecurityProfile::Localhost);
       }},
      {"stop_signal",
       [](Config& c) { c.set_stop_signal(static_cast<v1::Signal>(500)); }},
      {"config.linux.resources.cpu_shares",
       [](Config& c) {
         c.mutable_linux()->mutable_resources()->set_cpu_shares(-1);
       }},
      {"config.windows", [](Config& c) { c.mutable_windows(); }},
      {"config.working_dir",
       [](Config& c) { c.set_working_dir(std::string("/a\0b", 4)); }},
      {"config.log_path",
       [](Config& c) { c.set_log_path(std::string("a\0b", 3)); }},
      {"config.log_path", [](Config& c) { c.set_log_path("a\nb"); }},
      {"config.log_path",
       [](Config& c) { c.set_log_path(std::string(5000, 'x')); }},
      {"host_path",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path(std::string("/tmp\0/x", 7));
         mount.set_container_path("/x");
       }},
      {"container_path",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/tmp");
         mount.set_container_path(std::string("/x\0y", 4));
       }},
      {"image_sub_path",
       [](Config& c) {
         v1::Mount& mount = *c.add_mounts();
         mount.set_host_path("/tmp");
         mount.set_container_path("/x");
         mount.set_image_sub_path("sub");
       }},
      {"devices.container_path",
       [](Config& c) {
         c.add_devices()->set_host_path("/dev/null");
         c.mutable_devices(0)->set_container_path("dev/x");
       }},
      {"devices.host_path",
       [](Config& c) {
         c.add_devices()->set_host_path(std::string("/dev/null\0x", 11));
       }},
      {"config.CDI_devices",
       [](Config& c) { c.add_cdi_devices()->set_name("gpu"); }},
      {"CDI device vendor.com/class=no-such",
       [](Config& c) {
         c.add_cdi_devices()->set_name("vendor.com/class=no-such");
       },
       kNotFound},
      {"config.annotations: cdi.k8s.io/x",
       [](Config& c) { (*c.mutable_annotations())["cdi.k8s.io/x"] = "gpu"; }},
      {"security_context.privileged",
       [](Config& c) { Security(c).set_privileged(true); }},
      {"namespace_options.network",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_network(v1::NODE);
       }},
      {"namespace_options.network",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_network(
             static_cast<v1::NamespaceMode>(kNoSuchEnum));
       }},
      {"namespace_options.ipc",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_ipc(v1::NODE);
       }},
      {"namespace_options.pid",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_pid(v1::NODE);
       }},
      {"masked_paths", [](Config& c) { Security(c).add_masked_paths("proc"); }},
      {"readonly_paths",
       [](Config& c) { Security(c).add_readonly_paths("proc/sys"); }},
      {"readonly_paths",
       [](Config& c) {
         Security(c).add_readonly_paths(std::string("/a\0b", 4));
       }},
      {"security_context.selinux_options.type",
       [](Config& c) {
         Security(c).mutable_selinux_options()->set_type("a:b");
       }},
      {"security_context.apparmor",
       [](Config& c) {
         Security(c).mutable_apparmor()->set_profile_type(
             static_cast<v1::SecurityProfile::ProfileType>(kNoSuchEnum));
       }},
      {"security_context.apparmor",
       [](Config& c) {
         Security(c).mutable_apparmor()->set_profile_type(
             v1::SecurityProfile::Localhost);
         Security(c).mutable_apparmor()->set_localhost_ref("a\nexec b");
       }},
      // CVE-2023-2431: an empty path once meant no profile at all.
      {"security_context.seccomp",
       [](Config& c) {
         Security(c).mutable_seccomp()->set_profile_type(
             v1::SecurityProfile::Localhost);
       }},
      {"security_context.seccomp",
       [](Config& c) {
         Security(c).mutable_seccomp()->set_profile_type(
             v1::SecurityProfile::Localhost);
         Security(c).mutable_seccomp()->set_localhost_ref("/no/such.json");
       },
       kNotFound},
      {"security_context.seccomp",
       [](Config& c) {
         Security(c).mutable_seccomp()->set_profile_type(
             v1::SecurityProfile::Localhost);
         Security(c).mutable_seccomp()->set_localhost_ref(
             std::string("/dev/null\0", 10));
       }},
      {"config.linux.resources.hugepage_limits.page_size",
       [](Config& c) {
         c.mutable_linux()
             ->mutable_resources()
             ->add_hugepage_limits()
             ->set_page_size("2 MB");
       }},
      {"config.linux.resources.memory_swap_limit_in_bytes",
       [](Config& c) {
         v1::LinuxContainerResources& r =
             *c.mutable_linux()->mutable_resources();
         r.set_memory_limit_in_bytes(100);
         r.set_memory_swap_limit_in_bytes(50);
       }},
      {"config.linux.resources.unified",
       [](Config& c) {
         (*c.mutable_linux()
               ->mutable_resources()
               ->mutable_unified())["cgroup.procs"] = "0";
       }},
      {"config.annotations",
       [](Config& c) {
         (*c.mutable_annotations())["x"] = std::string(3 << 20, 'x');
       }},
  };
  const std::string pod = RunPod();
  CreateContainer(pod, "there");
  int row_number = 0;
  for (const auto& row : kRows) {
    v1::CreateContainerRequest request = GoodContainer(pod);
    // Of its own name, so that none joins one that came of another row.
    request.mutable_config()->mutable_metadata()->set_name(
        absl::StrCat("c", ++row_number));
    row.spoil(*request.mutable_config());
    Refuses(&Runtime::CreateContainer, request, row.code, row.field);
    // Nor does what is wrong by itself get a container that is there already;
    // what the host lacks it may have lost meanwhile.
    if (row.code != kInvalid || !request.config().has_metadata()) continue;
    request.mutable_config()->mutable_metadata()->set_name("there");
    Refuses(&Runtime::CreateContainer, request, row.code, row.field);
  }
  Refuses(&Runtime::CreateContainer, GoodContainer(""), kInvalid, "sandbox id");
  Refuses(&Runtime::CreateContainer, GoodContainer("ffff"), kNotFound,
          "sandbox");
}

TEST_F(BadContainerTest, SelinuxAndAppArmorAreNotIgnored) {
  const std::string pod = RunPod();
  if (runtime::lsm::Detect().selinux || runtime::lsm::Detect().apparmor) {
    GTEST_SKIP() << "this host enforces labels";
  }
  v1::CreateContainerRequest request = GoodContainer(pod);
  Security(*request.mutable_config()).mutable_selinux_options()->set_type("t");
  Refuses(&Runtime::CreateContainer, request, StatusCode::FAILED_PRECONDITION,
          "security_context.selinux_options: SELinux is not enabled");
  request = GoodContainer(pod);
  v1::SecurityProfile& profile =
      *Security(*request.mutable_config()).mutable_apparmor();
  profile.set_profile_type(v1::SecurityProfile::Localhost);
  profile.set_localhost_ref("web");
  Refuses(&Runtime::CreateContainer, request, StatusCode::FAILED_PRECONDITION,
          "security_context.apparmor: profile \"web\": AppArmor is not");
  // What asks for no more than there is, is had.
  profile.set_profile_type(v1::SecurityProfile::RuntimeDefault);
  std::string id;
  EXPECT_TRUE(Create(request, &id).ok());
}

TEST_F(BadContainerTest, OtherCallsNameTheField) {
  const std::string container = CreateContainer(RunPod());
  ASSERT_TRUE(Start(container).ok());
  v1::ExecSyncRequest exec;
  exec.set_container_id(container);
  Refuses(&Runtime::ExecSync, exec, kInvalid, "cmd");
  exec.add_cmd("true");
  exec.set_timeout(-1);
  Refuses(&Runtime::ExecSync, exec, kInvalid, "timeout");
  exec.set_timeout(0);
  exec.set_container_id("ffff");
  Refuses(&Runtime::ExecSync, exec, kNotFound, "container");
  v1::StopContainerRequest stop;
  stop.set_container_id(container);
  stop.set_timeout(-1);
  Refuses(&Runtime::StopContainer, stop, kInvalid, "timeout");
  v1::UpdateContainerResourcesRequest update;
  update.set_container_id(container);
  update.mutable_windows();
  Refuses(&Runtime::UpdateContainerResources, update, kInvalid, "windows");
  update.clear_windows();
  update.mutable_linux()->add_hugepage_limits()->set_page_size("x");
  Refuses(&Runtime::UpdateContainerResources, update, kInvalid,
          "linux.hugepage_limits.page_size");
  v1::ListContainersRequest list;
  list.mutable_filter()->mutable_state()->set_state(
      static_cast<v1::ContainerState>(kNoSuchEnum));
  Refuses(&Runtime::ListContainers, list, kInvalid, "filter.state");
}

}  // namespace
}  // namespace cri::server
