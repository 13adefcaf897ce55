// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/openat2.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace runtime {
namespace {

constexpr int kRetries = 256;

}  // namespace

int OpenAt2(int dirfd, const char* path, int flags, mode_t mode,
            uint64_t resolve) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  if ((flags & O_CREAT) != 0) how.mode = mode;
  how.resolve = resolve;
  for (int attempt = 0;; ++attempt) {
    long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
    if (fd >= 0) return static_cast<int>(fd);
    bool again = errno == EINTR || errno == EAGAIN;
    if (!again || attempt >= kRetries) return -1;
  }
}

}  // namespace runtime
