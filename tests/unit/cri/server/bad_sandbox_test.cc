// SPDX-License-Identifier: Apache-2.0
// RunPodSandbox, and the calls on a sandbox that is there.
#include "tests/unit/cri/server/bad_input_fixture.h"

namespace cri::server {
namespace {

using BadSandboxTest = BadInputTest;

TEST_F(BadSandboxTest, RunPodSandboxNamesTheField) {
  using Config = v1::PodSandboxConfig;
  const Spoiled<Config> kRows[] = {
      {"metadata.name", [](Config& c) { c.clear_metadata(); }},
      {"metadata.name", [](Config& c) { c.mutable_metadata()->clear_name(); }},
      {"metadata.uid", [](Config& c) { c.mutable_metadata()->clear_uid(); }},
      {"metadata.namespace",
       [](Config& c) { c.mutable_metadata()->clear_namespace_(); }},
      {"hostname", [](Config& c) { c.set_hostname("../x"); }},
      {"hostname", [](Config& c) { c.set_hostname(std::string(65, 'a')); }},
      {"log_directory", [](Config& c) { c.set_log_directory("logs"); }},
      {"log_directory", [](Config& c) { c.set_log_directory("/a/../b"); }},
      {"linux.cgroup_parent",
       [](Config& c) { c.mutable_linux()->set_cgroup_parent("/a/../.."); }},
      {"linux.cgroup_parent",
       [](Config& c) { c.mutable_linux()->set_cgroup_parent("/a\nb"); }},
      {"linux.cgroup_parent",
       [](Config& c) {
         c.mutable_linux()->set_cgroup_parent(std::string("/a\0b", 4));
       }},
      {"sysctl",
       [](Config& c) {
         (*c.mutable_linux()->mutable_sysctls())["kernel.hostname"] = "x";
       }},
      {"dns_config.servers",
       [](Config& c) { c.mutable_dns_config()->add_servers("1.1.1.1\nx"); }},
      {"dns_config.searches",
       [](Config& c) { c.mutable_dns_config()->add_searches(""); }},
      {"run_as_group",
       [](Config& c) { Security(c).mutable_run_as_group()->set_value(1); }},
      {"namespace_options.network",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_network(v1::CONTAINER);
       }},
      {"namespace_options.network",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_network(
             static_cast<v1::NamespaceMode>(kNoSuchEnum));
       }},
      {"namespace_options.ipc",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_ipc(
             static_cast<v1::NamespaceMode>(kNoSuchEnum));
       }},
      {"namespace_options.ipc",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_ipc(v1::TARGET);
       }},
      {"namespace_options.pid",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_pid(v1::TARGET);
       }},
      {"namespace_options.target_id",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_target_id("x");
       }},
      {"sysctl \"kernel.shm_rmid_forced\"",
       [](Config& c) {
         auto& sysctls = *c.mutable_linux()->mutable_sysctls();
         sysctls["kernel.shm_rmid_forced"] = "0";
         sysctls["kernel/shm_rmid_forced"] = "1";
       }},
      {"namespace_options.pid",
       [](Config& c) {
         Security(c).mutable_namespace_options()->set_pid(
             static_cast<v1::NamespaceMode>(kNoSuchEnum));
       }},
      {"port_mappings",
       [](Config& c) {
         v1::PortMapping& port = *c.add_port_mappings();
         port.set_host_port(70000);
         port.set_container_port(80);
       }},
      {"port_mappings",
       [](Config& c) {
         v1::PortMapping& port = *c.add_port_mappings();
         port.set_host_port(8080);
         port.set_container_port(80);
         port.set_protocol(static_cast<v1::Protocol>(kNoSuchEnum));
       }},
      {"config.windows", [](Config& c) { c.mutable_windows(); }},
      {"security_context.run_as_user",
       [](Config& c) { Security(c).mutable_run_as_user()->set_value(-1); }},
      {"security_context.run_as_group",
       [](Config& c) {
         Security(c).mutable_run_as_user()->set_value(1);
         Security(c).mutable_run_as_group()->set_value(int64_t{1} << 32);
       }},
      {"security_context.supplemental_groups",
       [](Config& c) { Security(c).add_supplemental_groups(-1); }},
      {"security_context.supplemental_groups_policy",
       [](Config& c) {
         Security(c).set_supplemental_groups_policy(
             static_cast<v1::SupplementalGroupsPolicy>(kNoSuchEnum));
       }},
      {"security_context.seccomp",
       [](Config& c) {
         Security(c).mutable_seccomp()->set_profile_type(
             static_cast<v1::SecurityProfile::ProfileType>(kNoSuchEnum));
       }},
      {"security_context.seccomp",
       [](Config& c) {
         Security(c).mutable_seccomp()->set_profile_type(
             v1::SecurityProfile::Localhost);
       }},
      {"security_context.apparmor",
       [](Config& c) {
         Security(c).mutable_apparmor()->set_profile_type(
             static_cast<v1::SecurityProfile::ProfileType>(kNoSuchEnum));
       }},
      {"security_context.selinux_options.level",
       [](Config& c) {
         Security(c).mutable_selinux_options()->set_level("s0 x");
       }},
      {"namespace_options.userns_options",
       [](Config& c) {
         Security(c)
             .mutable_namespace_options()
             ->mutable_userns_options()
             ->set_mode(static_cast<v1::NamespaceMode>(kNoSuchEnum));
       }},
      {"config.linux.overhead.memory_limit_in_bytes",
       [](Config& c) {
         c.mutable_linux()->mutable_overhead()->set_memory_limit_in_bytes(-2);
       }},
      {"config.linux.resources.cpuset_cpus",
       [](Config& c) {
         c.mutable_linux()->mutable_resources()->set_cpuset_cpus("all");
       }},
      {"config.annotations",
       [](Config& c) {
         (*c.mutable_annotations())["x"] = std::string(3 << 20, 'x');
       }},
      {"config.labels",
       [](Config& c) {
         (*c.mutable_labels())[std::string(3 << 20, 'x')] = "x";
       }},
      {"config.metadata",
       [](Config& c) {
         c.mutable_metadata()->set_name(std::string(3 << 20, 'x'));
       }},
  };
  for (const auto& row : kRows) {
    v1::RunPodSandboxRequest request = GoodPod();
    row.spoil(*request.mutable_config());
    Refuses(&Runtime::RunPodSandbox, request, row.code, row.field);
  }
  v1::RunPodSandboxRequest unknown = GoodPod();
  unknown.set_runtime_handler("kata");
  Refuses(&Runtime::RunPodSandbox, unknown, kInvalid, "runtime_handler");
  Refuses(&Runtime::RunPodSandbox, v1::RunPodSandboxRequest(), kInvalid,
          "metadata");
}

TEST_F(BadSandboxTest, OtherCallsNameTheField) {
  const std::string pod = RunPod();
  v1::UpdatePodSandboxResourcesRequest update;
  update.set_pod_sandbox_id(pod);
  update.mutable_overhead()->set_cpu_period(-1);
  Refuses(&Runtime::UpdatePodSandboxResources, update, kInvalid,
          "overhead.cpu_period");
  update.clear_overhead();
  update.mutable_resources()->set_oom_score_adj(-2000);
  Refuses(&Runtime::UpdatePodSandboxResources, update, kInvalid,
          "resources.oom_score_adj");
  for (const int port : {0, -1, 65536}) {
    v1::PortForwardRequest forward;
    forward.set_pod_sandbox_id(pod);
    forward.add_port(port);
    Refuses(&Runtime::PortForward, forward, kInvalid, "port");
  }
  v1::ListPodSandboxRequest list;
  list.mutable_filter()->mutable_state()->set_state(
      static_cast<v1::PodSandboxState>(kNoSuchEnum));
  Refuses(&Runtime::ListPodSandbox, list, kInvalid, "filter.state");
}

}  // namespace
}  // namespace cri::server
