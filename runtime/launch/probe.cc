// SPDX-License-Identifier: Apache-2.0
// Tries in a private mount namespace what containers with a user namespace
// need: kernels, filesystems and nested containers differ in it.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/launch/container.h"
#include "runtime/mount/api.h"
#include "runtime/mount/devices.h"
#include "runtime/mount/overlay.h"
#include "runtime/ns/user.h"

namespace runtime::launch {
namespace {

// An overlay whose lower layer is ID-mapped, as containers' roots are. `base`
// is an empty directory.
absl::Status TryRoot(const std::string& base, int user) {
  for (const char* name : {"/lower", "/upper", "/work"}) {
    RETURN_IF_ERROR(MakeDirs(base + name));
  }
  ASSIGN_OR_RETURN(UniqueFd layer,
                   mount::CloneTree(AT_FDCWD, base + "/lower", false));
  RETURN_IF_ERROR(Annotate(mount::SetIdMap(layer.get(), user, false), base));
  ASSIGN_OR_RETURN(UniqueFd target, OpenFile(base + "/lower", O_PATH));
  RETURN_IF_ERROR(mount::Attach(layer.get(), target.get()));
  return mount::NewOverlay({{base + "/lower"}, base + "/upper", base + "/work"},
                           base)
      .status();
}

// Volumes of memory and pod files on tmpfs are ID-mapped too (Linux 6.3).
absl::Status TryTmpfs(int user) {
  ASSIGN_OR_RETURN(UniqueFd tmpfs,
                   mount::NewFilesystem("tmpfs", "probe", {}, 0));
  return Annotate(mount::SetIdMap(tmpfs.get(), user, false), "tmpfs");
}

// A new procfs is refused where the one in sight is partly covered.
absl::Status TryKernelFilesystems(int user) {
  RETURN_IF_ERROR(ns::EnterUser(user));
  if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) != 0) {
    return ErrnoStatus("make namespaces");
  }
  pid_t pid = fork();
  if (pid < 0) return ErrnoStatus("fork");
  if (pid == 0) {
    if (!ns::BecomeRoot().ok()) _exit(1);
    for (const char* type : {"proc", "sysfs"}) {
      if (!mount::NewFilesystem(type, type, {}, 0).ok()) _exit(1);
    }
    _exit(0);
  }
  int result = 0;
  while (waitpid(pid, &result, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(result) && WEXITSTATUS(result) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      "procfs and sysfs cannot be mounted in one: something covers parts of "
      "the host's /proc or /sys");
}

absl::Status TryUserNamespace(const std::string& directory) {
  ns::IdMaps maps;
  maps.uids = maps.gids = {{0, 65536, 65536}};
  ASSIGN_OR_RETURN(UniqueFd user, ns::MakeUser(maps));
  RETURN_IF_ERROR(TryTmpfs(user.get()));
  std::string base = directory + "/.probe";
  RETURN_IF_ERROR(RemoveTree(base));  // of one that was killed
  absl::Status tried = TryRoot(base, user.get());
  umount2((base + "/lower").c_str(), MNT_DETACH);
  RETURN_IF_ERROR(RemoveTree(base));
  RETURN_IF_ERROR(tried);
  return TryKernelFilesystems(user.get());
}

absl::Status TryRecursiveReadOnly() {
  ASSIGN_OR_RETURN(UniqueFd tmpfs,
                   mount::NewFilesystem("tmpfs", "probe", {}, 0));
  return mount::SetAttributes(tmpfs.get(), MOUNT_ATTR_RDONLY, 0, 0, true);
}

}  // namespace

void LearnKernel() { mount::OverlayNeedsTarget(); }

bool CanStartEmpty(int directory_fd) {
  // The number is fixed (PROC_USER_INIT_INO).
  char link[64] = {};
  constexpr absl::string_view kInitial = "user:[4026531837]";
  constexpr char kName[] = ".device";
  if (readlink("/proc/self/ns/user", link, sizeof link - 1) <= 0 ||
      link != kInitial) {
    return false;
  }
  unlinkat(directory_fd, kName, 0);  // of one that was killed here
  for (const spec::Device& device : mount::DefaultDevices()) {
    const dev_t number = makedev(static_cast<unsigned>(device.major),
                                 static_cast<unsigned>(device.minor));
    if (mknodat(directory_fd, kName, S_IFCHR | 0600, number) != 0) return false;
    unlinkat(directory_fd, kName, 0);
  }
  return true;
}

uint32_t ProbeFeatures(const std::string& directory, std::string* why) {
  uint32_t features = 0;
  absl::Status isolated =
      unshare(CLONE_NEWNS) == 0 &&
              ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
          ? absl::OkStatus()
          : ErrnoStatus("make a mount namespace");
  if (isolated.ok() && TryRecursiveReadOnly().ok()) {
    features |= kRecursiveReadOnly;
  }
  absl::Status user = isolated.ok() ? TryUserNamespace(directory) : isolated;
  if (user.ok()) features |= kUserNamespaces;
  *why = std::string(user.message());
  return features;
}

}  // namespace runtime::launch
