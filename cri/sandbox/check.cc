// SPDX-License-Identifier: Apache-2.0
// What a pod sandbox may ask for.
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cri/sandbox/pod_files.h"
#include "cri/sandbox/pod_network.h"
#include "cri/sandbox/sandboxes.h"
#include "runtime/base/status.h"

namespace cri::sandbox {
namespace {

namespace v1 = ::runtime::v1;

absl::Status Invalid(absl::string_view field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", why));
}

absl::Status CheckMetadata(const v1::PodSandboxMetadata& metadata) {
  if (metadata.name().empty()) return Invalid("metadata.name", "is empty");
  if (metadata.uid().empty()) return Invalid("metadata.uid", "is empty");
  if (metadata.namespace_().empty()) {
    return Invalid("metadata.namespace", "is empty");
  }
  return absl::OkStatus();
}

absl::Status CheckNamespaces(const v1::NamespaceOption& options) {
  if (options.network() != v1::POD && options.network() != v1::NODE) {
    return Invalid("namespace_options.network", "must be POD or NODE");
  }
  if (options.ipc() != v1::POD && options.ipc() != v1::NODE) {
    return Invalid("namespace_options.ipc", "must be POD or NODE");
  }
  if (options.pid() == v1::TARGET) {
    return Invalid("namespace_options.pid", "TARGET is for containers only");
  }
  if (options.has_userns_options() &&
      options.userns_options().mode() != v1::NODE) {
    return absl::UnimplementedError(
        "namespace_options.userns_options: user namespaces of pods are not "
        "implemented (see Status.runtime_handlers)");
  }
  return absl::OkStatus();
}

absl::Status CheckCgroupParent(const std::string& parent) {
  for (absl::string_view part : absl::StrSplit(parent, '/')) {
    if (part == ".." || part == ".") {
      return Invalid("linux.cgroup_parent",
                     absl::StrCat("\"", parent, "\" holds \"", part, "\""));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckConfig(const v1::PodSandboxConfig& config) {
  RETURN_IF_ERROR(CheckMetadata(config.metadata()));
  RETURN_IF_ERROR(CheckHostname(config.hostname()));
  RETURN_IF_ERROR(CheckCgroupParent(config.linux().cgroup_parent()));
  const v1::LinuxSandboxSecurityContext& security =
      config.linux().security_context();
  RETURN_IF_ERROR(CheckNamespaces(security.namespace_options()));
  if (security.has_run_as_group() && !security.has_run_as_user()) {
    return Invalid("security_context.run_as_group",
                   "is given without run_as_user");
  }
  if (!config.log_directory().empty() &&
      !absl::StartsWith(config.log_directory(), "/")) {
    return Invalid("log_directory", "is not an absolute path");
  }
  RETURN_IF_ERROR(ResolvConf(config.dns_config()).status());
  return HostPorts(config).status();
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
