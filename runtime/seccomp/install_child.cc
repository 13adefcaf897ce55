// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp/install_child.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace runtime::seccomp {

int Install(const sock_filter* code, unsigned short size, unsigned flags) {
  sock_fprog program = {size, const_cast<sock_filter*>(code)};
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  return result == 0 ? 0 : errno;
}

}  // namespace runtime::seccomp
