// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_BASE_OPENAT2_H_
#define CORACLE_RUNTIME_BASE_OPENAT2_H_

#include <linux/openat2.h>  // RESOLVE_…
#include <sys/types.h>

#include <cstdint>

namespace runtime {

// openat2(2), always close-on-exec: a descriptor, or -1 with errno. `mode` is
// for O_CREAT; `resolve` are RESOLVE_… flags. Tries again, 256 times at most,
// while the kernel says EAGAIN because somebody renames on the way.
int OpenAt2(int dirfd, const char* path, int flags, mode_t mode,
            uint64_t resolve);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_OPENAT2_H_
