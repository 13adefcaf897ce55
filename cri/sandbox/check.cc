// SPDX-License-Identifier: Apache-2.0
// What a pod sandbox may ask for.
#include <limits.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cri/lsm/selinux.h"
#include "cri/sandbox/field.h"
#include "cri/sandbox/pod_files.h"
#include "cri/sandbox/pod_network.h"
#include "cri/sandbox/sandboxes.h"
#include "cri/sandbox/user_namespace.h"
#include "runtime/base/status.h"

namespace cri::sandbox {
namespace {

namespace v1 = ::runtime::v1;

absl::Status CheckMetadata(const v1::PodSandboxMetadata& metadata) {
  if (metadata.name().empty()) return InvalidField("metadata.name", "is empty");
  if (metadata.uid().empty()) return InvalidField("metadata.uid", "is empty");
  if (metadata.namespace_().empty()) {
    return InvalidField("metadata.namespace", "is empty");
  }
  return absl::OkStatus();
}

absl::Status CheckNamespaces(const v1::NamespaceOption& options) {
  if (options.network() != v1::POD && options.network() != v1::NODE) {
    return InvalidField("namespace_options.network", "must be POD or NODE");
  }
  if (options.ipc() != v1::POD && options.ipc() != v1::NODE) {
    return InvalidField("namespace_options.ipc", "must be POD or NODE");
  }
  if (options.pid() == v1::TARGET) {
    return InvalidField("namespace_options.pid",
                        "TARGET is for containers only");
  }
  RETURN_IF_ERROR(CheckEnum("namespace_options.pid",
                            v1::NamespaceMode_IsValid(options.pid()),
                            options.pid()));
  if (!options.target_id().empty()) {
    return InvalidField("namespace_options.target_id",
                        "is for containers only");
  }
  return CheckUserNamespace(options);
}

bool HoldsControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

// A path on the host that is made if it is missing.
absl::Status CheckLogDirectory(const std::string& directory) {
  if (directory.empty()) return absl::OkStatus();
  if (!absl::StartsWith(directory, "/")) {
    return InvalidField("log_directory", "is not an absolute path");
  }
  if (HoldsControl(directory) || directory.size() >= PATH_MAX) {
    return InvalidField("log_directory",
                        "is too long or holds control characters");
  }
  for (absl::string_view part : absl::StrSplit(directory, '/')) {
    if (part == "..") return InvalidField("log_directory", "holds \"..\"");
  }
  return absl::OkStatus();
}

// Kubernetes' own range.
absl::Status CheckId(absl::string_view field, int64_t id) {
  if (id >= 0 && id <= INT32_MAX) return absl::OkStatus();
  return InvalidField(absl::StrCat("security_context.", field),
                      absl::StrCat(id, " is no ID"));
}

absl::Status CheckProfile(absl::string_view field,
                          const v1::SecurityProfile& profile) {
  const std::string name = absl::StrCat("security_context.", field);
  RETURN_IF_ERROR(CheckEnum(
      name, v1::SecurityProfile::ProfileType_IsValid(profile.profile_type()),
      profile.profile_type()));
  if (profile.profile_type() == v1::SecurityProfile::Localhost &&
      profile.localhost_ref().empty()) {
    return InvalidField(name, "Localhost without localhost_ref");
  }
  return absl::OkStatus();
}

// No process of the sandbox's own has these, but what no process could have is
// a mistake.
absl::Status CheckSecurity(const v1::LinuxSandboxSecurityContext& security) {
  if (security.has_run_as_group() && !security.has_run_as_user()) {
    return InvalidField("security_context.run_as_group",
                        "is given without run_as_user");
  }
  RETURN_IF_ERROR(CheckId("run_as_user", security.run_as_user().value()));
  RETURN_IF_ERROR(CheckId("run_as_group", security.run_as_group().value()));
  for (const int64_t group : security.supplemental_groups()) {
    RETURN_IF_ERROR(CheckId("supplemental_groups", group));
  }
  const v1::SupplementalGroupsPolicy policy =
      security.supplemental_groups_policy();
  RETURN_IF_ERROR(CheckEnum("security_context.supplemental_groups_policy",
                            v1::SupplementalGroupsPolicy_IsValid(policy),
                            policy));
  RETURN_IF_ERROR(CheckProfile("seccomp", security.seccomp()));
  RETURN_IF_ERROR(CheckProfile("apparmor", security.apparmor()));
  // Its containers may have labels.
  return lsm::LabelsFor(security.selinux_options()).status();
}

uint64_t SizeOf(const TextMap& texts) {
  uint64_t size = 0;
  for (const auto& [key, value] : texts) size += key.size() + value.size();
  return size;
}

absl::Status CheckCgroupParent(const std::string& parent) {
  if (HoldsControl(parent) || parent.size() >= PATH_MAX) {
    return InvalidField("linux.cgroup_parent",
                        "is too long or holds control characters");
  }
  for (absl::string_view part : absl::StrSplit(parent, '/')) {
    if (part == ".." || part == ".") {
      return InvalidField(
          "linux.cgroup_parent",
          absl::StrCat("\"", parent, "\" holds \"", part, "\""));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTexts(const google::protobuf::Message& metadata,
                        const TextMap& labels, const TextMap& annotations) {
  constexpr uint64_t kMost = 1 << 20;
  constexpr char kWhy[] = "is larger than 1 MiB";
  if (metadata.ByteSizeLong() > kMost) {
    return InvalidField("config.metadata", kWhy);
  }
  if (SizeOf(labels) > kMost) return InvalidField("config.labels", kWhy);
  if (SizeOf(annotations) > kMost) {
    return InvalidField("config.annotations", kWhy);
  }
  return absl::OkStatus();
}

absl::Status CheckConfig(const v1::PodSandboxConfig& config) {
  RETURN_IF_ERROR(
      CheckTexts(config.metadata(), config.labels(), config.annotations()));
  RETURN_IF_ERROR(CheckMetadata(config.metadata()));
  if (config.has_windows()) {
    return InvalidField("config.windows", "this is a Linux host");
  }
  RETURN_IF_ERROR(CheckHostname(config.hostname()));
  RETURN_IF_ERROR(CheckCgroupParent(config.linux().cgroup_parent()));
  const v1::LinuxSandboxSecurityContext& security =
      config.linux().security_context();
  RETURN_IF_ERROR(CheckNamespaces(security.namespace_options()));
  RETURN_IF_ERROR(CheckSecurity(security));
  RETURN_IF_ERROR(CheckLogDirectory(config.log_directory()));
  RETURN_IF_ERROR(ResolvConf(config.dns_config()).status());
  return CheckHostPorts(config);
}

std::string HostnameFor(const v1::PodSandboxConfig& config,
                        const std::string& id) {
  const v1::NamespaceOption& options =
      config.linux().security_context().namespace_options();
  if (options.network() == v1::NODE) {
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) == 0) return name;
  }
  return config.hostname().empty() ? id.substr(0, 12) : config.hostname();
}

}  // namespace cri::sandbox
