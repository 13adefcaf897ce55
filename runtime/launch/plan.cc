// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/plan.h"

#include <fcntl.h>
#include <linux/sched.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/spec/sysctl.h"

namespace runtime::launch {
namespace {

using spec::NamespaceKind;

int CloneFlag(NamespaceKind kind) {
  switch (kind) {
    case NamespaceKind::kPid:
      return CLONE_NEWPID;
    case NamespaceKind::kNetwork:
      return CLONE_NEWNET;
    case NamespaceKind::kMount:
      return CLONE_NEWNS;
    case NamespaceKind::kIpc:
      return CLONE_NEWIPC;
    case NamespaceKind::kUts:
      return CLONE_NEWUTS;
    case NamespaceKind::kUser:
      return CLONE_NEWUSER;
    case NamespaceKind::kCgroup:
      return CLONE_NEWCGROUP;
    case NamespaceKind::kTime:
      return CLONE_NEWTIME;
  }
  return 0;
}

absl::Status PlanNamespaces(Plan* plan) {
  for (const spec::Namespace& entry : plan->config.linux_section.namespaces) {
    int flag = CloneFlag(entry.kind);
    if (entry.kind == NamespaceKind::kTime) {
      return absl::UnimplementedError(
          "config.json: linux.namespaces: time namespaces are not supported");
    }
    if (entry.kind == NamespaceKind::kUser) continue;  // see userns.cc
    if (entry.path.empty()) {
      if (entry.kind == NamespaceKind::kCgroup) {
        plan->new_cgroup_namespace = true;
      } else {
        plan->new_namespaces |= flag;
      }
      continue;
    }
    if (entry.kind == NamespaceKind::kMount) {
      return absl::UnimplementedError(
          "config.json: linux.namespaces: joining a mount namespace is not "
          "supported");
    }
    ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(entry.path, O_RDONLY));
    plan->join.emplace_back(std::move(fd), flag);
  }
  // Mounts of a container are never made in the host's mount namespace.
  plan->new_namespaces |= CLONE_NEWNS;
  if (plan->request->pid_namespace_fd >= 0) {
    plan->new_namespaces &= ~CLONE_NEWPID;
  }
  return absl::OkStatus();
}

absl::Status PlanSysctls(Plan* plan) {
  for (const auto& [name, value] : plan->config.linux_section.sysctl) {
    absl::StatusOr<NamespaceKind> kind = spec::SysctlNamespace(name);
    RETURN_IF_ERROR(Annotate(kind.status(), "config.json: linux.sysctl"));
    if (plan->config.FindNamespace(*kind) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "config.json: linux.sysctl: ", name,
          " would change the host: the container has no namespace of its own "
          "for it"));
    }
    plan->sysctls.emplace_back(absl::StrCat("sys/", spec::SysctlFile(name)),
                               value);
  }
  return absl::OkStatus();
}

void PlanCgroupView(Plan* plan) {
  const cgroup::Layout& layout = plan->cgroup->layout();
  for (const cgroup::Hierarchy& hierarchy : layout.hierarchies) {
    std::string directory = plan->cgroup->Directory(hierarchy);
    // Sharing the host's cgroup namespace on v2 means to see it all.
    if (layout.v2 && !plan->new_cgroup_namespace) {
      directory = hierarchy.mount_point;
    }
    plan->root.cgroups.push_back({hierarchy.name, std::move(directory)});
  }
  plan->root.cgroup_links = layout.links;
}

absl::Status PlanRoot(Plan* plan) {
  const SetupRequest& request = *plan->request;
  mount::RootPlan& root = plan->root;
  root.config = &plan->config;
  root.bundle_dir = request.bundle_dir;
  root.lower_dirs = request.lower_dirs;
  root.upper_dir = request.upper_dir;
  root.work_dir = request.work_dir;
  root.rootfs_dir = request.rootfs_dir;
  if (root.rootfs_dir.empty()) {
    const std::string& path = plan->config.root_path;
    if (path.empty()) {
      return absl::InvalidArgumentError("config.json: root.path: is missing");
    }
    root.rootfs_dir =
        path[0] == '/' ? path : JoinPath(request.bundle_dir, path);
  }
  if (root.rootfs_dir[0] != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("root ", root.rootfs_dir, ": is not an absolute path"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string CgroupPathOf(const spec::Config& config, const std::string& id) {
  const std::string& path = config.linux_section.cgroups_path;
  return path.empty() ? absl::StrCat("/coracle/", id) : path;
}

absl::Status MakePlan(const SetupRequest& request, Plan* plan) {
  plan->request = &request;
  if (!spec::IsValidId(request.id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("container id \"", request.id, "\": invalid"));
  }
  ASSIGN_OR_RETURN(plan->config, spec::Parse(request.config_json));
  ASSIGN_OR_RETURN(plan->identity,
                   PrepareIdentity(plan->config.process, plan->config,
                                   request.seccomp_cache_dir));
  ASSIGN_OR_RETURN(path::Proc proc, path::Proc::Open());
  plan->proc = std::make_unique<path::Proc>(std::move(proc));
  ASSIGN_OR_RETURN(cgroup::Cgroup cgroup,
                   cgroup::Cgroup::At(CgroupPathOf(plan->config, request.id)));
  plan->cgroup = std::make_unique<cgroup::Cgroup>(std::move(cgroup));
  RETURN_IF_ERROR(PlanNamespaces(plan));
  RETURN_IF_ERROR(PlanSysctls(plan));
  PlanCgroupView(plan);
  return PlanRoot(plan);
}

}  // namespace runtime::launch
