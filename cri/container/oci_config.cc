// SPDX-License-Identifier: Apache-2.0
#include "cri/container/oci_config.h"

#include "absl/strings/str_cat.h"
#include "cri/container/capability.h"
#include "cri/container/cdi.h"
#include "cri/container/devices.h"
#include "cri/container/mounts.h"
#include "cri/container/seccomp.h"
#include "cri/lsm/apparmor.h"
#include "cri/lsm/selinux.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;

// The container's options, or those of the sandbox if it has none.
const v1::SELinuxOption& SelinuxOptions(const SpecInput& input) {
  if (input.Security().has_selinux_options()) {
    return input.Security().selinux_options();
  }
  return input.sandbox->linux().security_context().selinux_options();
}

// Volumes keep the labels that they have unless the request says otherwise.
absl::Status RelabelVolumes(const v1::ContainerConfig& config,
                            const std::string& label) {
  for (const v1::Mount& mount : config.mounts()) {
    if (!mount.selinux_relabel() || IsImageVolume(mount)) continue;
    RETURN_IF_ERROR(
        runtime::Annotate(lsm::Relabel(mount.host_path(), label),
                          absl::StrCat("mount ", mount.container_path())));
  }
  return absl::OkStatus();
}

Json CapabilitiesJson(const CapabilitySets& sets) {
  Json json{{"bounding", sets.bounding},
            {"effective", sets.bounding},
            {"permitted", sets.bounding}};
  // Inheritable stays empty unless ambient needs it (CVE-2022-29162).
  json["inheritable"] = sets.ambient;
  json["ambient"] = sets.ambient;
  return json;
}

absl::StatusOr<Json> ProcessJson(const SpecInput& input,
                                 const Identity& identity,
                                 const CapabilitySets& capabilities) {
  const v1::ContainerConfig& config = *input.config;
  const v1::LinuxContainerSecurityContext& security = input.Security();
  ASSIGN_OR_RETURN(std::vector<std::string> args,
                   ProcessArgs(config, *input.image));
  ASSIGN_OR_RETURN(std::string apparmor, lsm::ProfileFor(security, input.host));
  std::string cwd = config.working_dir().empty() ? input.image->working_dir
                                                 : config.working_dir();
  Json process{{"terminal", config.tty()},
               {"user",
                {{"uid", identity.uid},
                 {"gid", identity.gid},
                 {"additionalGids", identity.groups}}},
               {"args", args},
               {"env", ProcessEnv(input, identity)},
               {"cwd", CleanPath(cwd)},
               {"capabilities", CapabilitiesJson(capabilities)},
               {"noNewPrivileges", security.no_new_privs()}};
  if (config.has_linux() && config.linux().has_resources()) {
    process["oomScoreAdj"] = config.linux().resources().oom_score_adj();
  }
  if (!apparmor.empty()) process["apparmorProfile"] = apparmor;
  return process;
}

// Absent namespaces are the sandbox's. The holder lives in the host's PID
// namespace, so leaving "pid" out is right only where pod and container agree.
Json NamespacesJson(const SpecInput& input) {
  Json result = Json::array({Json{{"type", "mount"}}});
  if (!input.Security().privileged()) {
    result.push_back(Json{{"type", "cgroup"}});
  }
  v1::NamespaceMode mode = input.Security().namespace_options().pid();
  v1::NamespaceMode pod =
      input.sandbox->linux().security_context().namespace_options().pid();
  switch (mode) {
    case v1::TARGET:
      result.push_back(
          Json{{"type", "pid"},
               {"path", absl::StrCat("/proc/", input.target_pid, "/ns/pid")}});
      break;
    case v1::NODE:
      break;  // as the pod has it
    default:
      if (mode == v1::CONTAINER || pod == v1::CONTAINER) {
        result.push_back(Json{{"type", "pid"}});
      }
  }
  return result;
}

absl::StatusOr<Json> LinuxJson(const SpecInput& input, const MountPlan& mounts,
                               const CapabilitySets& capabilities) {
  const v1::LinuxContainerSecurityContext& security = input.Security();
  ASSIGN_OR_RETURN(DevicePlan devices, PlanDevices(*input.config));
  ASSIGN_OR_RETURN(Json seccomp, SeccompFor(security, capabilities.bounding));
  Json result{{"namespaces", NamespacesJson(input)},
              {"cgroupsPath", runtime::JoinPath(input.cgroup_parent, input.id)},
              {"devices", std::move(devices.nodes)},
              {"resources", ResourcesJson(input.config->linux().resources())}};
  result["resources"]["devices"] = std::move(devices.rules);
  if (!input.id_maps.empty()) {
    result["uidMappings"] = IdMapJson(input.id_maps.uids);
    result["gidMappings"] = IdMapJson(input.id_maps.gids);
  }
  if (!seccomp.is_null()) result["seccomp"] = std::move(seccomp);
  if (!mounts.rootfs_propagation.empty()) {
    result["rootfsPropagation"] = mounts.rootfs_propagation;
  }
  if (!security.privileged()) {
    result["maskedPaths"] = Json::array();
    for (const std::string& path : security.masked_paths()) {
      result["maskedPaths"].push_back(path);
    }
    result["readonlyPaths"] = Json::array();
    for (const std::string& path : security.readonly_paths()) {
      result["readonlyPaths"].push_back(path);
    }
  }
  return result;
}

Json AnnotationsJson(const SpecInput& input) {
  // A fixed list, and what the administrator allows by its exact name: other
  // annotations of pods, and all of images, never reach the runtime
  // (CVE-2023-6476, CVE-2024-3154, CVE-2026-53488).
  Json result{{"coracle.container.id", input.id},
              {"coracle.sandbox.id", input.sandbox_id},
              {"coracle.container.name", input.config->metadata().name()}};
  const auto& annotations = input.sandbox->annotations();
  for (const std::string& name : input.pod_annotations) {
    auto it = annotations.find(name);
    if (it != annotations.end() && !runtime::Has(result, name)) {
      result[name] = it->second;
    }
  }
  return result;
}

}  // namespace

Json ResourcesJson(const v1::LinuxContainerResources& from) {
  Json cpu = Json::object(), memory = Json::object();
  if (from.cpu_shares() != 0) cpu["shares"] = from.cpu_shares();
  if (from.cpu_quota() != 0) cpu["quota"] = from.cpu_quota();
  if (from.cpu_period() != 0) cpu["period"] = from.cpu_period();
  if (!from.cpuset_cpus().empty()) cpu["cpus"] = from.cpuset_cpus();
  if (!from.cpuset_mems().empty()) cpu["mems"] = from.cpuset_mems();
  if (from.memory_limit_in_bytes() != 0) {
    memory["limit"] = from.memory_limit_in_bytes();
  }
  if (from.memory_swap_limit_in_bytes() != 0) {
    memory["swap"] = from.memory_swap_limit_in_bytes();
  }
  Json result = Json::object();
  if (!cpu.empty()) result["cpu"] = std::move(cpu);
  if (!memory.empty()) result["memory"] = std::move(memory);
  for (const v1::HugepageLimit& limit : from.hugepage_limits()) {
    result["hugepageLimits"].push_back(
        Json{{"pageSize", limit.page_size()}, {"limit", limit.limit()}});
  }
  for (const auto& [file, value] : from.unified()) {
    result["unified"][file] = value;
  }
  return result;
}

absl::StatusOr<OciConfig> BuildOciConfig(const SpecInput& input) {
  const v1::LinuxContainerSecurityContext& security = input.Security();
  OciConfig result;
  ASSIGN_OR_RETURN(result.identity, ResolveIdentity(security, input.image->user,
                                                    input.read_image_file));
  ASSIGN_OR_RETURN(CapabilitySets capabilities, ResolveCapabilities(security));
  ASSIGN_OR_RETURN(lsm::SelinuxLabels labels,
                   lsm::LabelsFor(SelinuxOptions(input), input.host));
  ASSIGN_OR_RETURN(MountPlan mounts, PlanMounts(input));
  ASSIGN_OR_RETURN(Json process,
                   ProcessJson(input, result.identity, capabilities));
  ASSIGN_OR_RETURN(Json linux_part, LinuxJson(input, mounts, capabilities));
  if (!labels.process.empty()) {
    process["selinuxLabel"] = labels.process;
    linux_part["mountLabel"] = labels.mount;
    RETURN_IF_ERROR(RelabelVolumes(*input.config, labels.mount));
  }
  result.json = Json{
      {"ociVersion", "1.2.0"},
      {"process", std::move(process)},
      {"root", {{"path", "rootfs"}, {"readonly", security.readonly_rootfs()}}},
      {"mounts", std::move(mounts.mounts)},
      {"annotations", AnnotationsJson(input)},
      {"linux", std::move(linux_part)}};
  RETURN_IF_ERROR(ApplyCdi(input.cdi, input.id_maps, result));
  return result;
}

}  // namespace cri::container
