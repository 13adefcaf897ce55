// SPDX-License-Identifier: Apache-2.0
// One message over a unix socket with at most one descriptor beside it
// (unix(7), SCM_RIGHTS). Allocates nothing, so that both sides of a fork and
// the idle holder may use it.
#ifndef CORACLE_RUNTIME_BASE_FD_MESSAGE_H_
#define CORACLE_RUNTIME_BASE_FD_MESSAGE_H_

#include <sys/types.h>

#include <cstddef>

#include "runtime/base/unique_fd.h"

namespace runtime {

// Sends `size` bytes, and `fd` with them unless it is negative. False, with
// errno, if not all were taken. A reader that is gone raises no signal.
bool SendWithFd(int socket, const void* data, size_t size, int fd = -1);

// As recvmsg(2) with `flags`: the bytes received, 0 at end of file, -1 with
// errno. A descriptor that came along is close-on-exec and goes to *fd; it is
// closed if `fd` is null. *fd stays as it was if none came.
ssize_t ReceiveWithFd(int socket, void* data, size_t size, UniqueFd* fd,
                      int flags = 0);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_FD_MESSAGE_H_
