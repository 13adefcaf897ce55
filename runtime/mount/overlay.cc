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
constexpr size_t kPage = 4096;

// All that a container changes is to be in its upper directory, and as what it
// is: whoever looks there (checkpoints, stats) would miss what is in a layer
// and only referred to. Kernels and distributions differ in their defaults.
// "nofollow", not "off", which follows where the kernel was built so.
constexpr std::pair<const char*, const char*> kPlain[] = {
    {"redirect_dir", "nofollow"}, {"metacopy", "off"}};

// /proc/self/fd/N of a descriptor of `path` kept in *fds: short, and free of
// commas and colons.
absl::StatusOr<std::string> ByFd(const std::string& path,
                                 std::vector<UniqueFd>* fds) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_PATH | O_DIRECTORY));
  fds->push_back(std::move(fd));
  return absl::StrCat("/proc/self/fd/", fds->back().get());
}

absl::Status SetDirectory(int context, const char* key, const std::string& path,
                          std::vector<UniqueFd>* fds) {
  std::string value = path;
  if (path.size() > kMaxOption) {
    ASSIGN_OR_RETURN(value, ByFd(path, fds));
  }
  if (fsconfig(context, FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0) {
    return absl::OkStatus();
  }
  int error = errno;
  std::string detail = FilesystemError(context);
  return ErrnoStatus(error, absl::StrCat("overlay ", key, "=", path,
                                         detail.empty() ? "" : " (", detail,
                                         detail.empty() ? "" : ")"));
}

// Where the kernel knows the option: without it, there is nothing to turn off.
absl::Status SetPlain(int context) {
  for (const auto& [key, value] : kPlain) {
    if (fsconfig(context, FSCONFIG_SET_STRING, key, value, 0) != 0 &&
        errno != EINVAL) {
      return ErrnoStatus(absl::StrCat("overlay ", key, "=", value));
    }
  }
  return absl::OkStatus();
}

// Before Linux 6.5 it takes every key without looking and only mounting fails.
bool TrySingleLayers() {
  UniqueFd context(fsopen("overlay", FSOPEN_CLOEXEC));
  return context.ok() &&
         fsconfig(context.get(), FSCONFIG_SET_FLAG, "no-such-key", nullptr,
                  0) != 0 &&
         fsconfig(context.get(), FSCONFIG_SET_STRING, "lowerdir+", "/", 0) == 0;
}

// Whether overlayfs takes layers one by one (Linux 6.7). A yes is kept: closing
// what the try has opened waits for all processors.
bool TakesSingleLayers() {
  static bool takes = false;
  if (!takes) takes = TrySingleLayers();
  return takes;
}

// A container's writable layer needs no sync when it is unmounted. The mark
// that "volatile" leaves behind forbids a second mount; ours is only ever
// mounted again when the first try failed before anything ran.
absl::Status RemoveMark(const std::string& work_dir) {
  return RemoveTree(JoinPath(work_dir, "work/incompat/volatile"));
}

// A detached mount.
absl::StatusOr<UniqueFd> MakeDetached(const OverlayDirs& dirs) {
  UniqueFd context(fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context.ok()) return ErrnoStatus("filesystem overlay");
  std::vector<UniqueFd> fds;
  RETURN_IF_ERROR(SetDirectory(context.get(), "source", "overlay", &fds));
  RETURN_IF_ERROR(SetPlain(context.get()));
  for (const std::string& dir : dirs.lower) {
    RETURN_IF_ERROR(SetDirectory(context.get(), "lowerdir+", dir, &fds));
  }
  if (!dirs.label.empty() && fsconfig(context.get(), FSCONFIG_SET_STRING,
                                      "context", dirs.label.c_str(), 0) != 0) {
    return ErrnoStatus(absl::StrCat("overlay context=", dirs.label));
  }
  if (!dirs.upper.empty()) {
    RETURN_IF_ERROR(SetDirectory(context.get(), "upperdir", dirs.upper, &fds));
    RETURN_IF_ERROR(SetDirectory(context.get(), "workdir", dirs.work, &fds));
    RETURN_IF_ERROR(RemoveMark(dirs.work));
    fsconfig(context.get(), FSCONFIG_SET_FLAG, "volatile", nullptr, 0);
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    int error = errno;
    std::string detail = FilesystemError(context.get());
    return ErrnoStatus(
        error, absl::StrCat("overlay ", dirs.upper, detail.empty() ? "" : " (",
                            detail, detail.empty() ? "" : ")"));
  }
  int fd = fsmount(context.get(), FSMOUNT_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus("overlay fsmount");
  return UniqueFd(fd);
}

// All options in one string of a page: about 200 layers.
absl::Status MountByString(const OverlayDirs& dirs, const std::string& target) {
  std::vector<UniqueFd> fds;
  std::vector<std::string> layers;
  for (const std::string& dir : dirs.lower) {
    ASSIGN_OR_RETURN(std::string layer, ByFd(dir, &fds));
    layers.push_back(std::move(layer));
  }
  std::string options = absl::StrCat("lowerdir=", absl::StrJoin(layers, ":"));
  if (!dirs.upper.empty()) {
    ASSIGN_OR_RETURN(const std::string upper, ByFd(dirs.upper, &fds));
    ASSIGN_OR_RETURN(const std::string work, ByFd(dirs.work, &fds));
    absl::StrAppend(&options, ",upperdir=", upper, ",workdir=", work,
                    ",volatile");
    RETURN_IF_ERROR(RemoveMark(dirs.work));
  }
  // Overlayfs has known them since Linux 4.19.
  for (const auto& [key, value] : kPlain) {
    absl::StrAppend(&options, ",", key, "=", value);
  }
  if (!dirs.label.empty()) {
    absl::StrAppend(&options, ",context=\"", dirs.label, "\"");
  }
  if (options.size() >= kPage) {
    return absl::InvalidArgumentError(
        absl::StrCat("overlay of ", dirs.lower.size(),
                     " layers: this kernel takes about 200, Linux 6.7 more"));
  }
  if (::mount("overlay", target.c_str(), "overlay", 0, options.c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("overlay ", target));
  }
  return absl::OkStatus();
}

}  // namespace

bool OverlayNeedsTarget() { return !TakesSingleLayers(); }

absl::StatusOr<UniqueFd> NewOverlay(const OverlayDirs& dirs,
                                    const std::string& target) {
  if (TakesSingleLayers()) return MakeDetached(dirs);
  RETURN_IF_ERROR(MountByString(dirs, target));
  absl::StatusOr<UniqueFd> tree = CloneTree(AT_FDCWD, target, false);
  if (umount2(target.c_str(), MNT_DETACH) != 0) return ErrnoStatus(target);
  return tree;
}

}  // namespace runtime::mount
