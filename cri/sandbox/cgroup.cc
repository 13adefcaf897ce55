// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/cgroup.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/systemd/slice.h"

namespace cri::sandbox {

absl::StatusOr<PodCgroup> PodCgroupOf(const std::string& parent, bool systemd) {
  PodCgroup cgroup;
  if (!systemd) {
    cgroup.path =
        parent.empty() ? kDefaultCgroupParent : runtime::JoinPath("/", parent);
    return cgroup;
  }
  absl::StatusOr<std::string> slice =
      runtime::systemd::SliceOfParent(parent.empty() ? kDefaultSlice : parent);
  if (!slice.ok()) {
    return runtime::Annotate(
        slice.status(), "linux.cgroup_parent: cgroup_driver is systemd here");
  }
  cgroup.slice = *std::move(slice);
  ASSIGN_OR_RETURN(cgroup.path, runtime::systemd::SlicePath(cgroup.slice));
  return cgroup;
}

}  // namespace cri::sandbox
