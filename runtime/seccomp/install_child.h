// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_SECCOMP_INSTALL_CHILD_H_
#define CORACLE_RUNTIME_SECCOMP_INSTALL_CHILD_H_

#include <linux/filter.h>

namespace runtime::seccomp {

// The calling process and all that it starts are filtered from here on. Needs
// no_new_privs or CAP_SYS_ADMIN. `flags` are SECCOMP_FILTER_FLAG_…. 0 or an
// errno.
int Install(const sock_filter* code, unsigned short size, unsigned flags);

}  // namespace runtime::seccomp

#endif  // CORACLE_RUNTIME_SECCOMP_INSTALL_CHILD_H_
