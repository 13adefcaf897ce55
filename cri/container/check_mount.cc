// SPDX-License-Identifier: Apache-2.0
// What a mount may ask for, whatever the sandbox and the host are.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cri/container/check.h"
#include "cri/container/mounts.h"
#include "cri/sandbox/field.h"
#include "runtime/base/status.h"
#include "runtime/spec/proc_file.h"

namespace cri::container {
namespace {

namespace v1 = ::runtime::v1;
using sandbox::CheckEnum;
using sandbox::CheckPath;
using sandbox::InvalidField;

absl::Status CheckImageVolume(const v1::Mount& mount) {
  if (!mount.host_path().empty()) {
    return InvalidField("image", "excludes host_path, which is given too");
  }
  if (!mount.readonly()) {
    return InvalidField("readonly", "an image is only mounted readonly: true");
  }
  if (CleanPath(mount.container_path()) == "/proc") {
    return InvalidField("container_path", "an image is no procfs");
  }
  if (mount.propagation() != v1::PROPAGATION_PRIVATE) {
    return InvalidField("propagation", "of an image is private");
  }
  for (absl::string_view part :
       absl::StrSplit(mount.image_sub_path(), '/', absl::SkipEmpty())) {
    if (part == "..") return InvalidField("image_sub_path", "holds \"..\"");
  }
  return absl::OkStatus();
}

absl::Status CheckBind(const v1::Mount& mount) {
  RETURN_IF_ERROR(CheckPath("host_path", mount.host_path()));
  if (!mount.image_sub_path().empty()) {
    return InvalidField("image_sub_path", "there is no image");
  }
  return absl::OkStatus();
}

// What a container reads and writes there has to be the kernel's.
absl::Status CheckTarget(const std::string& path) {
  if (!absl::StartsWith(path, "/proc/") || runtime::spec::MayBeCovered(path)) {
    return absl::OkStatus();
  }
  return InvalidField("container_path", "is inside /proc");
}

bool IsPlainReadOnly(const v1::Mount& mount) {
  return mount.readonly() && mount.propagation() == v1::PROPAGATION_PRIVATE;
}

}  // namespace

absl::Status CheckMount(const v1::Mount& mount) {
  const std::string where = absl::StrCat("mount ", mount.container_path());
  absl::Status status = CheckPath("container_path", mount.container_path());
  if (status.ok() && CleanPath(mount.container_path()) == "/") {
    status = InvalidField("container_path", "is not a path below /");
  }
  if (status.ok()) status = CheckTarget(CleanPath(mount.container_path()));
  status.Update(CheckEnum("propagation",
                          v1::MountPropagation_IsValid(mount.propagation()),
                          mount.propagation()));
  RETURN_IF_ERROR(runtime::Annotate(status, where));
  if (IsImageVolume(mount)) {
    return runtime::Annotate(CheckImageVolume(mount),
                             absl::StrCat(kImageVolumeFailed, ": ", where));
  }
  RETURN_IF_ERROR(runtime::Annotate(CheckBind(mount), where));
  if (!mount.recursive_read_only() || IsPlainReadOnly(mount)) {
    return absl::OkStatus();
  }
  return InvalidField(
      absl::StrCat(kRecursiveReadOnlyFailed, ": ", where),
      "recursive_read_only needs readonly and private propagation");
}

}  // namespace cri::container
