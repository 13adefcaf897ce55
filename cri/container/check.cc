// SPDX-License-Identifier: Apache-2.0
#include "cri/container/check.h"

#include <limits.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cri/cdi/name.h"
#include "cri/container/capability.h"
#include "cri/container/oci_config.h"
#include "cri/container/resources.h"
#include "cri/container/seccomp.h"
#include "cri/container/user.h"
#include "cri/lsm/apparmor.h"
#include "cri/lsm/selinux.h"
#include "cri/sandbox/field.h"
#include "cri/sandbox/sandbox.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using sandbox::CheckEnum;
using sandbox::CheckPath;
using sandbox::InvalidField;

constexpr size_t kMostImageBytes = 64 << 10;

// Relative to the log directory; it becomes the name of a file. Empty: no log.
absl::Status CheckLogPath(const std::string& path) {
  const bool control = std::any_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  if (control || path.size() >= PATH_MAX) {
    return InvalidField("config.log_path",
                        "is too long or holds control characters");
  }
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part == "..") {
      return InvalidField(
          "config.log_path",
          absl::StrCat("\"", path, "\" leaves the log directory"));
    }
  }
  const std::string name = path.substr(path.rfind('/') + 1);
  if (!path.empty() && (name.empty() || name == ".")) {
    return InvalidField("config.log_path",
                        absl::StrCat("\"", path, "\" names no file"));
  }
  return absl::OkStatus();
}

absl::Status CheckProfile(absl::string_view field,
                          const v1::SecurityProfile& profile) {
  RETURN_IF_ERROR(CheckEnum(
      field, v1::SecurityProfile::ProfileType_IsValid(profile.profile_type()),
      profile.profile_type()));
  if (profile.profile_type() == v1::SecurityProfile::Localhost &&
      profile.localhost_ref().empty()) {
    return InvalidField(field, "Localhost without localhost_ref");
  }
  return absl::OkStatus();
}

// Of PID namespaces alone may a container have one of its own or another's.
absl::Status CheckNamespaces(const v1::NamespaceOption& options) {
  constexpr absl::string_view kField = "security_context.namespace_options.";
  RETURN_IF_ERROR(CheckEnum(absl::StrCat(kField, "pid"),
                            v1::NamespaceMode_IsValid(options.pid()),
                            options.pid()));
  const std::pair<const char*, v1::NamespaceMode> others[] = {
      {"network", options.network()},
      {"ipc", options.ipc()},
      {"userns_options.mode", options.userns_options().mode()}};
  for (const auto& [name, mode] : others) {
    const std::string field = absl::StrCat(kField, name);
    RETURN_IF_ERROR(CheckEnum(field, v1::NamespaceMode_IsValid(mode), mode));
    if (mode != v1::POD && mode != v1::NODE) {
      return InvalidField(field, absl::StrCat(v1::NamespaceMode_Name(mode),
                                              ": expected POD or NODE"));
    }
  }
  if ((options.pid() == v1::TARGET) == options.target_id().empty()) {
    return InvalidField(absl::StrCat(kField, "target_id"),
                        options.target_id().empty()
                            ? "is empty, but pid is TARGET"
                            : "is given, but pid is not TARGET");
  }
  return absl::OkStatus();
}

absl::Status CheckSecurity(const v1::LinuxContainerSecurityContext& security) {
  RETURN_IF_ERROR(CheckNamespaces(security.namespace_options()));
  const v1::SupplementalGroupsPolicy policy =
      security.supplemental_groups_policy();
  RETURN_IF_ERROR(CheckEnum("security_context.supplemental_groups_policy",
                            v1::SupplementalGroupsPolicy_IsValid(policy),
                            policy));
  if (security.has_run_as_user() && !security.run_as_username().empty()) {
    return InvalidField("security_context.run_as_username",
                        "contradicts run_as_user, which is given too");
  }
  RETURN_IF_ERROR(CheckIds(security));
  RETURN_IF_ERROR(ResolveCapabilities(security).status());
  for (const std::string& path : security.masked_paths()) {
    RETURN_IF_ERROR(CheckPath("security_context.masked_paths", path));
  }
  for (const std::string& path : security.readonly_paths()) {
    RETURN_IF_ERROR(CheckPath("security_context.readonly_paths", path));
  }
  RETURN_IF_ERROR(CheckProfile("security_context.seccomp", security.seccomp()));
  RETURN_IF_ERROR(CheckSeccomp(security));
  RETURN_IF_ERROR(
      CheckProfile("security_context.apparmor", security.apparmor()));
  RETURN_IF_ERROR(lsm::CheckSelinux(security.selinux_options()));
  return lsm::RequestedProfile(security).status();
}

absl::Status CheckMountsAndDevices(const v1::ContainerConfig& config) {
  for (const v1::Mount& mount : config.mounts()) {
    RETURN_IF_ERROR(CheckMount(mount));
  }
  for (const v1::Device& device : config.devices()) {
    RETURN_IF_ERROR(CheckPath("devices.host_path", device.host_path()));
    if (!device.container_path().empty()) {
      RETURN_IF_ERROR(
          CheckPath("devices.container_path", device.container_path()));
    }
    if (device.permissions().find_first_not_of("rwm") != std::string::npos) {
      return InvalidField(
          "devices.permissions",
          absl::StrCat("\"", device.permissions(), "\" are not of r, w, m"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFields(const v1::ContainerConfig& config) {
  RETURN_IF_ERROR(sandbox::CheckTexts(config.metadata(), config.labels(),
                                      config.annotations()));
  if (config.metadata().name().empty()) {
    return InvalidField("config.metadata.name", "is empty");
  }
  if (config.image().image().empty()) {
    return InvalidField("config.image.image", "is empty");
  }
  // It comes back in every list, and as a label of every metric.
  if (config.image().ByteSizeLong() > kMostImageBytes) {
    return InvalidField(
        "config.image",
        absl::StrCat("is of more than ", kMostImageBytes, " bytes"));
  }
  if (config.has_windows()) {
    return InvalidField("config.windows", "this is a Linux host");
  }
  if (!config.working_dir().empty()) {
    RETURN_IF_ERROR(CheckPath("config.working_dir", config.working_dir()));
  }
  RETURN_IF_ERROR(CheckLogPath(config.log_path()));
  RETURN_IF_ERROR(CheckProcess(config));
  RETURN_IF_ERROR(CheckEnum("config.stop_signal",
                            v1::Signal_IsValid(config.stop_signal()),
                            config.stop_signal()));
  RETURN_IF_ERROR(CheckSecurity(config.linux().security_context()));
  RETURN_IF_ERROR(CheckMountsAndDevices(config));
  RETURN_IF_ERROR(cdi::RequestedDevices(config).status());
  return CheckResources(config.linux().resources(), "config.linux.resources");
}

}  // namespace cri::container
