// SPDX-License-Identifier: Apache-2.0
// Everything about a container that is known before its init is cloned.
#ifndef CORACLE_RUNTIME_LAUNCH_PLAN_H_
#define CORACLE_RUNTIME_LAUNCH_PLAN_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/launch/container.h"
#include "runtime/launch/identity.h"
#include "runtime/mount/rootfs.h"
#include "runtime/ns/user.h"
#include "runtime/path/proc.h"
#include "runtime/spec/spec.h"

namespace runtime::launch {

struct Plan {
  const SetupRequest* request = nullptr;
  spec::Config config;
  Identity identity;
  mount::RootPlan root;
  std::unique_ptr<path::Proc> proc;  // the host's
  std::unique_ptr<cgroup::Cgroup> cgroup;
  // New namespaces, as CLONE_NEW… flags; the cgroup namespace is unshared
  // later, when the process is in its cgroup.
  int new_namespaces = 0;
  bool new_cgroup_namespace = false;
  // The container's, or none: entered before the clone, so that it owns all
  // that the clone makes. See userns.h.
  UniqueFd user_namespace;
  ns::IdMaps id_maps;               // of it
  std::vector<UniqueFd> mount_ids;  // namespaces that map mounts otherwise
  // Namespaces to join before the clone: descriptor and CLONE_NEW… type.
  std::vector<std::pair<UniqueFd, int>> join;
  // /proc/sys/… files and values.
  std::vector<std::pair<std::string, std::string>> sysctls;
};

// Parses and checks; touches nothing. The plan refers to `request` and must
// not move afterwards.
absl::Status MakePlan(const SetupRequest& request, Plan* plan);

// The cgroup path of a container whose config names none.
std::string CgroupPathOf(const spec::Config& config, const std::string& id);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_PLAN_H_
