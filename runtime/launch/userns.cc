// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/launch/identity.h"

namespace runtime::launch {
namespace {

absl::Status FindUserNamespace(Plan* plan) {
  const spec::Namespace* entry =
      plan->config.FindNamespace(spec::NamespaceKind::kUser);
  plan->id_maps = {plan->config.linux_section.uid_mappings,
                   plan->config.linux_section.gid_mappings};
  int pod = plan->request->user_namespace_fd;
  if (pod >= 0) {
    plan->user_namespace.reset(fcntl(pod, F_DUPFD_CLOEXEC, 3));
    return plan->user_namespace.ok() ? absl::OkStatus()
                                     : ErrnoStatus("the pod's user namespace");
  }
  if (entry == nullptr) return absl::OkStatus();
  if (!entry->path.empty()) {
    ASSIGN_OR_RETURN(plan->user_namespace, OpenFile(entry->path, O_RDONLY));
    return absl::OkStatus();
  }
  if (plan->id_maps.uids.empty() || plan->id_maps.gids.empty()) {
    return absl::InvalidArgumentError(
        "config.json: linux.uidMappings, linux.gidMappings: are missing, but "
        "linux.namespaces has a new user namespace");
  }
  ASSIGN_OR_RETURN(plan->user_namespace, ns::MakeUser(plan->id_maps));
  return absl::OkStatus();
}

// The namespace that maps the IDs of one mount: the container's if the mappings
// are the same, else one for this purpose; -1 for none.
absl::StatusOr<int> MapOf(const spec::Mount& mount, Plan* plan) {
  mount::Options options = mount::ParseOptions(mount.options);
  ns::IdMaps maps = {mount.uid_mappings, mount.gid_mappings};
  if (maps.empty() && !options.id_map) return -1;
  bool same = maps.empty() || (maps.uids == plan->id_maps.uids &&
                               maps.gids == plan->id_maps.gids);
  if (same && plan->user_namespace.ok()) return plan->user_namespace.get();
  if (maps.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("mount ", mount.destination,
                     ": option idmap without uidMappings and gidMappings, in a "
                     "container without a user namespace"));
  }
  ASSIGN_OR_RETURN(UniqueFd fd, ns::MakeUser(maps));
  plan->mount_ids.push_back(std::move(fd));
  return plan->mount_ids.back().get();
}

// Output that is a pipe of the runtime's must stay openable as /dev/stdout; the
// user of a user namespace cannot take it for itself.
void GivePipes(const Plan& plan) {
  const SetupRequest& request = *plan.request;
  std::optional<uint32_t> uid =
      ns::ToHost(plan.id_maps.uids, plan.config.process.user.uid);
  if (!uid.has_value()) return;
  for (int fd : {request.stdin_fd, request.stdout_fd, request.stderr_fd}) {
    if (fd >= 0) GiveStream(fd, *uid);
  }
}

}  // namespace

absl::Status PlanUserNamespace(Plan* plan) {
  RETURN_IF_ERROR(FindUserNamespace(plan));
  for (const spec::Mount& mount : plan->config.mounts) {
    ASSIGN_OR_RETURN(int id_map, MapOf(mount, plan));
    plan->root.id_maps.push_back(id_map);
  }
  if (!plan->user_namespace.ok()) return absl::OkStatus();
  plan->root.user_namespace = plan->user_namespace.get();
  std::optional<uint32_t> uid = ns::ToHost(plan->id_maps.uids, 0);
  std::optional<uint32_t> gid = ns::ToHost(plan->id_maps.gids, 0);
  if (uid.has_value() && gid.has_value()) plan->root.host_root = {*uid, *gid};
  return absl::OkStatus();
}

absl::Status EnterUserNamespace(const Plan& plan) {
  if (!plan.user_namespace.ok()) return absl::OkStatus();
  GivePipes(plan);
  return ns::EnterUser(plan.user_namespace.get());
}

}  // namespace runtime::launch
