// SPDX-License-Identifier: Apache-2.0
#include "runtime/handler/scope.h"

#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/systemd/slice.h"
#include "runtime/systemd/units.h"

namespace runtime::handler {
namespace {

absl::StatusOr<std::string> ScopePath(const std::string& sandbox_id,
                                      const std::string& slice) {
  ASSIGN_OR_RETURN(const std::string path, systemd::SlicePath(slice));
  return JoinPath(path, systemd::ScopeName(sandbox_id));
}

// The hierarchy by which systemd knows what is in a unit: the v2 one, of a
// hybrid host too, else v1's name=systemd.
const cgroup::Hierarchy* Tracking(const cgroup::Layout& layout) {
  if (const cgroup::Hierarchy* unified = layout.Unified()) return unified;
  for (const cgroup::Hierarchy& hierarchy : layout.hierarchies) {
    if (hierarchy.name == "systemd") return &hierarchy;
  }
  return nullptr;
}

// Where in the scope the anchor is. A v2 cgroup with processes of its own
// passes no controllers on to those below, so there it gets one of its own.
std::string AnchorPath(const cgroup::Hierarchy& tracking,
                       const std::string& scope) {
  return tracking.v2 ? JoinPath(scope, "anchor") : scope;
}

bool IsIn(pid_t pid, const cgroup::Hierarchy& tracking,
          const std::string& path) {
  absl::StatusOr<std::string> text =
      ReadFile(absl::StrCat("/proc/", pid, "/cgroup"));
  const char* before = tracking.v2 ? "0::" : "name=systemd:";
  return text.ok() &&
         absl::StrContains(*text, absl::StrCat(before, path, "\n"));
}

absl::Status MoveInto(pid_t pid, const cgroup::Hierarchy& tracking,
                      const std::string& place) {
  const std::string directory = JoinPath(tracking.mount_point, place);
  if (tracking.v2 && mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return ErrnoStatus(absl::StrCat("mkdir ", directory));
  }
  return WriteFile(directory + "/cgroup.procs", absl::StrCat(pid));
}

}  // namespace

absl::Status EnsureScope(const std::string& sandbox_id,
                         const std::string& slice, pid_t anchor) {
  ASSIGN_OR_RETURN(const std::string scope, ScopePath(sandbox_id, slice));
  ASSIGN_OR_RETURN(const cgroup::Layout layout, cgroup::Detect());
  const cgroup::Hierarchy* tracking = Tracking(layout);
  if (tracking == nullptr) {
    return absl::FailedPreconditionError(
        "systemd: this host has none of the cgroups that it works with");
  }
  const std::string place = AnchorPath(*tracking, scope);
  if (IsIn(anchor, *tracking, place)) return absl::OkStatus();
  const activity::Step step("systemd starts the sandbox's scope");
  const std::string name = systemd::ScopeName(sandbox_id);
  const auto join = [&]() -> absl::Status {
    const absl::Status started = systemd::StartScope(name, slice, anchor);
    // It lives on with containers whose anchor was killed.
    if (!absl::IsAlreadyExists(started)) RETURN_IF_ERROR(started);
    return MoveInto(anchor, *tracking, place);
  };
  const absl::Status joined = join();
  if (joined.ok() || Exists(JoinPath(tracking->mount_point, scope))) {
    return joined;
  }
  // Its last process has ended: systemd still knows it, but its cgroup is gone,
  // and so nothing is in it that could be stopped.
  RETURN_IF_ERROR(systemd::Stop(name));
  return join();
}

void EndScope(const std::string& sandbox_id, const std::string& slice,
              bool await) {
  absl::StatusOr<std::string> path = ScopePath(sandbox_id, slice);
  if (!path.ok()) return log::Warning(path.status().message());
  std::string kept;
  if (!await) {
    const absl::StatusOr<cgroup::Layout> layout = cgroup::Detect();
    const cgroup::Hierarchy* tracking =
        layout.ok() ? Tracking(*layout) : nullptr;
    // The kernel tells systemd late that a cgroup is empty, and not at all if
    // it is removed by then.
    if (tracking != nullptr) kept = tracking->mount_point;
  }
  if (int error = cgroup::RemoveBut(*path, kept); error != 0) {
    log::Warning(
        ErrnoStatus(error, absl::StrCat("remove cgroup ", *path)).message());
  }
  if (!await) return;
  const activity::Step step("systemd ends the sandbox's scope");
  const absl::Status stopped = systemd::Stop(systemd::ScopeName(sandbox_id));
  if (!stopped.ok()) log::Warning(stopped.message());
}

}  // namespace runtime::handler
