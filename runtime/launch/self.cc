// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/self.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/mount/api.h"

namespace runtime::launch {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

bool IsProtected(int executable) {
  struct statvfs fs;
  if (fstatvfs(executable, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0) {
    return true;
  }
  int seals = fcntl(executable, F_GET_SEALS);
  return seals >= 0 && (seals & kSeals) == kSeals;
}

absl::StatusOr<UniqueFd> ReadOnlyMount() {
  ASSIGN_OR_RETURN(UniqueFd tree,
                   mount::CloneTree(AT_FDCWD, "/proc/self/exe", false));
  RETURN_IF_ERROR(
      mount::SetAttributes(tree.get(), MOUNT_ATTR_RDONLY, 0, 0, false));
  return tree;
}

absl::StatusOr<UniqueFd> SealedCopy(int executable) {
  UniqueFd copy(memfd_create("coracle-oci", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy.ok()) return ErrnoStatus("memfd_create");
  struct stat info;
  if (fstat(executable, &info) != 0) return ErrnoStatus("stat");
  off_t offset = 0;
  while (offset < info.st_size) {
    ssize_t sent = sendfile(copy.get(), executable, &offset,
                            static_cast<size_t>(info.st_size - offset));
    if (sent <= 0) return ErrnoStatus("copy");
  }
  if (fchmod(copy.get(), 0500) != 0) return ErrnoStatus("fchmod");
  if (fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) return ErrnoStatus("seal");
  return copy;
}

}  // namespace

absl::Status ProtectSelf(char** argv) {
  UniqueFd executable(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!executable.ok()) return ErrnoStatus("open /proc/self/exe");
  if (IsProtected(executable.get())) return absl::OkStatus();
  absl::StatusOr<UniqueFd> safe = ReadOnlyMount();
  if (!safe.ok()) safe = SealedCopy(executable.get());
  RETURN_IF_ERROR(Annotate(safe.status(), "protect own binary"));
  syscall(SYS_execveat, safe->get(), "", argv, environ, AT_EMPTY_PATH);
  return ErrnoStatus("exec own binary again");
}

}  // namespace runtime::launch
