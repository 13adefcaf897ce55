// SPDX-License-Identifier: Apache-2.0
#include "cri/container/oci_config.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cri/container/capability.h"
#include "cri/container/cdi.h"
#include "cri/container/devices.h"
#include "cri/container/mounts.h"
#include "cri/container/seccomp.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::Json;
namespace v1 = ::runtime::v1;

bool AppArmorEnabled() {
  absl::StatusOr<std::string> text =
      runtime::ReadFile("/sys/module/apparmor/parameters/enabled", 16);
  return text.ok() && absl::StartsWith(*text, "Y");
}

// The profile's name, "" for none.
absl::StatusOr<std::string> AppArmorFor(
    const v1::LinuxContainerSecurityContext& security) {
// Older clients still send the deprecated field.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  absl::string_view name = security.apparmor_profile();
#pragma GCC diagnostic pop
  if (security.has_apparmor()) {
    name = security.apparmor().profile_type() == v1::SecurityProfile::Localhost
               ? absl::string_view(security.apparmor().localhost_ref())
               : "unconfined";
    if (name.empty()) {
      return absl::InvalidArgumentError(
          "security_context.apparmor: Localhost without localhost_ref");
    }
  }
  if (security.privileged() || name.empty() || name == "unconfined" ||
      name == "runtime/default") {
    return std::string();
  }
  absl::ConsumePrefix(&name, "localhost/");
  if (!AppArmorEnabled()) {
    return absl::FailedPreconditionError(
        absl::StrCat("security_context.apparmor: profile \"", name,
                     "\": AppArmor is not enabled on this host"));
  }
  return std::string(name);
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
  ASSIGN_OR_RETURN(std::vector<std::string> env, ProcessEnv(input, identity));
  ASSIGN_OR_RETURN(std::string apparmor, AppArmorFor(security));
  std::string cwd = config.working_dir().empty() ? input.image->working_dir
                                                 : config.working_dir();
  Json process{{"terminal", config.tty()},
               {"user",
                {{"uid", identity.uid},
                 {"gid", identity.gid},
                 {"additionalGids", identity.groups}}},
               {"args", args},
               {"env", env},
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
absl::StatusOr<Json> NamespacesJson(const SpecInput& input) {
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
      if (pod != v1::NODE) {
        return absl::InvalidArgumentError(
            "namespace_options.pid: NODE in a sandbox that is not");
      }
      break;
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
  ASSIGN_OR_RETURN(Json namespaces, NamespacesJson(input));
  ASSIGN_OR_RETURN(Json seccomp, SeccompFor(security, capabilities.bounding));
  Json result{{"namespaces", std::move(namespaces)},
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
  // A fixed list: annotations of pods and images never reach the runtime
  // (CVE-2023-6476, CVE-2024-3154, CVE-2026-53488).
  return Json{{"coracle.container.id", input.id},
              {"coracle.sandbox.id", input.sandbox_id},
              {"coracle.container.name", input.config->metadata().name()}};
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
  ASSIGN_OR_RETURN(MountPlan mounts, PlanMounts(input));
  ASSIGN_OR_RETURN(Json process,
                   ProcessJson(input, result.identity, capabilities));
  ASSIGN_OR_RETURN(Json linux_part, LinuxJson(input, mounts, capabilities));
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
