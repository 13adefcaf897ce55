// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/mount/api.h"

namespace runtime::mount {
namespace {

// fsconfig takes strings of at most 255 bytes.
constexpr size_t kMaxOption = 255;

// `path` itself, or /proc/self/fd/N of a descriptor kept in *fds if the path
// is too long or `by_fd`.
absl::StatusOr<std::string> Layer(const std::string& path, bool by_fd,
                                  std::vector<UniqueFd>* fds) {
  if (!by_fd && path.size() <= kMaxOption) return path;
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_PATH | O_DIRECTORY));
  fds->push_back(std::move(fd));
  return absl::StrCat("/proc/self/fd/", fds->back().get());
}

absl::Status SetString(int context, const char* key, const std::string& value) {
  if (fsconfig(context, FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0) {
    return absl::OkStatus();
  }
  int error = errno;
  std::string detail = FilesystemError(context);
  return ErrnoStatus(error, absl::StrCat("overlay ", key, "=", value,
                                         detail.empty() ? "" : " (", detail,
                                         detail.empty() ? "" : ")"));
}

absl::Status SetLayers(int context, const std::vector<std::string>& lower_dirs,
                       std::vector<UniqueFd>* fds) {
  bool first = true;
  std::vector<std::string> joined;
  for (const std::string& dir : lower_dirs) {
    ASSIGN_OR_RETURN(std::string layer, Layer(dir, false, fds));
    if (fsconfig(context, FSCONFIG_SET_STRING, "lowerdir+", layer.c_str(), 0) ==
        0) {
      first = false;
      continue;
    }
    if (!first || errno != EINVAL)
      return SetString(context, "lowerdir+", layer);
    break;
  }
  if (!first) return absl::OkStatus();
  for (const std::string& dir : lower_dirs) {
    ASSIGN_OR_RETURN(std::string layer, Layer(dir, true, fds));
    joined.push_back(std::move(layer));
  }
  return SetString(context, "lowerdir", absl::StrJoin(joined, ":"));
}

}  // namespace

absl::StatusOr<UniqueFd> NewOverlay(const std::vector<std::string>& lower_dirs,
                                    const std::string& upper_dir,
                                    const std::string& work_dir) {
  UniqueFd context(fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context.ok()) return ErrnoStatus("filesystem overlay");
  std::vector<UniqueFd> fds;
  RETURN_IF_ERROR(SetString(context.get(), "source", "overlay"));
  RETURN_IF_ERROR(SetLayers(context.get(), lower_dirs, &fds));
  if (!upper_dir.empty()) {
    ASSIGN_OR_RETURN(std::string upper, Layer(upper_dir, false, &fds));
    RETURN_IF_ERROR(SetString(context.get(), "upperdir", upper));
    ASSIGN_OR_RETURN(std::string work, Layer(work_dir, false, &fds));
    RETURN_IF_ERROR(SetString(context.get(), "workdir", work));
    // A container's writable layer needs no sync when it is unmounted. The
    // mark that "volatile" leaves behind forbids a second mount; ours is only
    // ever mounted again when the first try failed before anything ran.
    std::string mark = JoinPath(work_dir, "work/incompat/volatile");
    if (fsconfig(context.get(), FSCONFIG_SET_FLAG, "volatile", nullptr, 0) ==
        0) {
      RETURN_IF_ERROR(RemoveTree(mark));
    }
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    int error = errno;
    std::string detail = FilesystemError(context.get());
    return ErrnoStatus(
        error, absl::StrCat("overlay ", upper_dir, detail.empty() ? "" : " (",
                            detail, detail.empty() ? "" : ")"));
  }
  int fd = fsmount(context.get(), FSMOUNT_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus("overlay fsmount");
  return UniqueFd(fd);
}

}  // namespace runtime::mount
