// SPDX-License-Identifier: Apache-2.0
// What a container may ask for in one sandbox, on this host.
#include <tuple>

#include "absl/strings/str_cat.h"
#include "cri/container/check.h"
#include "cri/lsm/selinux.h"
#include "cri/sandbox/field.h"
#include "cri/sandbox/user_namespace.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using sandbox::InvalidField;

absl::Status CheckNamespaces(const v1::NamespaceOption& asked,
                             const v1::NamespaceOption& pod) {
  if (asked.has_userns_options() &&
      !(sandbox::IdMapsOf(asked) == sandbox::IdMapsOf(pod))) {
    return InvalidField("namespace_options.userns_options",
                        "differs from the sandbox's");
  }
  const std::tuple<const char*, v1::NamespaceMode, v1::NamespaceMode> modes[] =
      {{"network", asked.network(), pod.network()},
       {"ipc", asked.ipc(), pod.ipc()},
       {"pid", asked.pid(), pod.pid()}};
  for (const auto& [name, wanted, there] : modes) {
    if (wanted == v1::NODE && there != v1::NODE) {
      return InvalidField(absl::StrCat("namespace_options.", name),
                          "NODE in a sandbox that is not");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMountIds(const v1::Mount& mount,
                           const runtime::ns::IdMaps& pod) {
  const std::string where = absl::StrCat("mount ", mount.container_path());
  const runtime::ns::IdMaps maps =
      sandbox::ToIdMaps(mount.uidmappings(), mount.gidmappings());
  if (!maps.empty() && !(maps == pod)) {
    return InvalidField(where,
                        "uidMappings and gidMappings are not those of the "
                        "sandbox's user namespace");
  }
  if (mount.propagation() == v1::PROPAGATION_BIDIRECTIONAL && !pod.empty()) {
    return InvalidField(where,
                        "bidirectional propagation would let the root of the "
                        "pod's user namespace mount on the host");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckInSandbox(const v1::ContainerConfig& config,
                            const sandbox::Sandbox& sandbox) {
  const v1::LinuxContainerSecurityContext& security =
      config.linux().security_context();
  RETURN_IF_ERROR(
      CheckNamespaces(security.namespace_options(), sandbox.Namespaces()));
  const runtime::ns::IdMaps pod = sandbox::IdMapsOf(sandbox.Namespaces());
  for (const v1::Mount& mount : config.mounts()) {
    RETURN_IF_ERROR(CheckMountIds(mount, pod));
  }
  if (security.privileged() &&
      !sandbox.config.linux().security_context().privileged()) {
    return InvalidField("security_context.privileged",
                        "the sandbox does not allow it");
  }
  return lsm::LabelsFor(security.selinux_options()).status();
}

}  // namespace cri::container
