// SPDX-License-Identifier: Apache-2.0
#include "runtime/ns/root_child.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace runtime::ns {

int TakeRoot() {
  if (setgroups(0, nullptr) != 0 || setresgid(0, 0, 0) != 0 ||
      setresuid(0, 0, 0) != 0) {
    return errno;
  }
  // The change of user may have made it dumpable.
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
}

}  // namespace runtime::ns
