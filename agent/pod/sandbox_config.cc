// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/sandbox_config.h"

#include <algorithm>
#include <string>
#include <utility>

#include "agent/pod/labels.h"
#include "agent/pod/paths.h"
#include "agent/pod/security.h"
#include "agent/pod/user_namespace.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

using status::ContainerSpec;

void FillNames(const Json& pod, uint32_t attempt, v1::PodSandboxConfig& out) {
  auto* metadata = out.mutable_metadata();
  metadata->set_name(status::Name(pod));
  metadata->set_namespace_(status::Namespace(pod));
  metadata->set_uid(status::Uid(pod));
  metadata->set_attempt(attempt);
  auto& labels = *out.mutable_labels();
  const Json& meta = runtime::At(pod, "metadata");
  for (const auto& [key, value] : runtime::ObjectAt(meta, "labels").items()) {
    if (value.is_string()) labels[key] = value.get<std::string>();
  }
  for (const auto& [key, value] :
       {std::pair(kPodName, status::Name(pod)),
        std::pair(kPodNamespace, status::Namespace(pod)),
        std::pair(kPodUid, status::Uid(pod))}) {
    const std::string name(key);  // gcc 12 sees an overflow in labels[key]
    labels[name] = value;
  }
  auto& annotations = *out.mutable_annotations();
  for (const auto& [key, value] :
       runtime::ObjectAt(meta, "annotations").items()) {
    if (value.is_string()) annotations[key] = value.get<std::string>();
  }
}

void FillPorts(const Json& pod, v1::PodSandboxConfig& out) {
  for (const ContainerSpec& spec : status::Containers(pod)) {
    for (const Json& port : runtime::ArrayAt(*spec.json, "ports")) {
      auto* mapping = out.add_port_mappings();
      std::string protocol = runtime::StringAt(port, "protocol", "TCP");
      mapping->set_protocol(protocol == "UDP"    ? v1::UDP
                            : protocol == "SCTP" ? v1::SCTP
                                                 : v1::TCP);
      mapping->set_container_port(
          static_cast<int32_t>(runtime::IntAt(port, "containerPort")));
      mapping->set_host_port(
          static_cast<int32_t>(runtime::IntAt(port, "hostPort")));
      mapping->set_host_ip(runtime::StringAt(port, "hostIP"));
    }
  }
}

void FillLinux(const Json& pod, const std::string& cgroup_parent,
               v1::LinuxPodSandboxConfig& out) {
  out.set_cgroup_parent(cgroup_parent);
  auto* context = out.mutable_security_context();
  *context->mutable_namespace_options() = Namespaces(pod, "");
  const Json& security = runtime::At(pod, {"spec", "securityContext"});
  if (runtime::Has(security, "runAsUser")) {
    context->mutable_run_as_user()->set_value(
        runtime::IntAt(security, "runAsUser"));
    // CRI refuses a group without a user.
    if (runtime::Has(security, "runAsGroup")) {
      context->mutable_run_as_group()->set_value(
          runtime::IntAt(security, "runAsGroup"));
    }
  }
  for (int64_t group : SupplementalGroups(pod)) {
    context->add_supplemental_groups(group);
  }
  if (runtime::StringAt(security, "supplementalGroupsPolicy") == "Strict") {
    context->set_supplemental_groups_policy(v1::Strict);
  }
  context->mutable_seccomp()->set_profile_type(
      v1::SecurityProfile::RuntimeDefault);
  for (const ContainerSpec& spec : status::Containers(pod)) {
    if (runtime::BoolAt(runtime::At(*spec.json, "securityContext"),
                        "privileged")) {
      context->set_privileged(true);
    }
  }
  for (const Json& sysctl : runtime::ArrayAt(security, "sysctls")) {
    std::string name = runtime::StringAt(sysctl, "name");
    std::replace(name.begin(), name.end(), '/', '.');
    (*out.mutable_sysctls())[name] = runtime::StringAt(sysctl, "value");
  }
}

}  // namespace

v1::NamespaceOption Namespaces(const Json& pod, const std::string& target_id) {
  const Json& spec = runtime::At(pod, "spec");
  v1::NamespaceOption out;
  out.set_network(runtime::BoolAt(spec, "hostNetwork") ? v1::NODE : v1::POD);
  out.set_ipc(runtime::BoolAt(spec, "hostIPC") ? v1::NODE : v1::POD);
  if (runtime::BoolAt(spec, "hostPID")) {
    out.set_pid(v1::NODE);
  } else if (runtime::BoolAt(spec, "shareProcessNamespace")) {
    out.set_pid(v1::POD);
  } else if (!target_id.empty()) {
    out.set_pid(v1::TARGET);
    out.set_target_id(target_id);
  } else {
    out.set_pid(v1::CONTAINER);
  }
  return out;
}

absl::StatusOr<SandboxPlan> PlanSandbox(const EngineOptions& options,
                                        const Json& pod,
                                        const std::string& cgroup_parent,
                                        uint32_t attempt) {
  SandboxPlan plan;
  FillNames(pod, attempt, plan.config);
  plan.config.set_log_directory(LogDir(options, pod));
  if (!status::HostNetwork(pod)) {
    ASSIGN_OR_RETURN(std::string hostname,
                     env::KernelHostname(pod, options.node_name, options.dns));
    plan.config.set_hostname(hostname);
    FillPorts(pod, plan.config);
  }
  ASSIGN_OR_RETURN(env::Dns dns, env::PodDns(pod, options.dns));
  auto* config = plan.config.mutable_dns_config();
  for (const std::string& server : dns.servers) config->add_servers(server);
  for (const std::string& search : dns.searches) config->add_searches(search);
  for (const std::string& option : dns.options) config->add_options(option);
  plan.dns_warning = dns.warning;
  plan.dns_warning_reason = dns.warning_reason;
  FillLinux(pod, cgroup_parent, *plan.config.mutable_linux());
  RETURN_IF_ERROR(SetUserNamespace(options, pod,
                                   plan.config.mutable_linux()
                                       ->mutable_security_context()
                                       ->mutable_namespace_options()));
  return plan;
}

}  // namespace agent::pod
