// SPDX-License-Identifier: Apache-2.0
#include "runtime/caps/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace runtime::caps {
namespace {

uint32_t Low(uint64_t set) { return static_cast<uint32_t>(set); }
uint32_t High(uint64_t set) { return static_cast<uint32_t>(set >> 32); }

}  // namespace

uint64_t Permitted() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return 0;
  return data[0].permitted | (static_cast<uint64_t>(data[1].permitted) << 32);
}

int LimitBounding(const spec::Capabilities& wanted) {
  for (int cap = 0; cap < 64; ++cap) {
    if (((wanted.bounding >> cap) & 1) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // above the kernel's last one
    // Without CAP_SETPCAP only what is not there needs no drop.
    if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0) return EPERM;
  }
  return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

int Apply(const spec::Capabilities& wanted) {
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return errno;
  // Ambient first: what is raised there by our caller must not stay.
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 &&
      errno != EINVAL) {
    return errno;
  }
  uint64_t have = Permitted();
  uint64_t permitted = wanted.permitted & have;
  uint64_t effective = wanted.effective & permitted;
  uint64_t inheritable = wanted.inheritable & have;
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {
      {Low(effective), Low(permitted), Low(inheritable)},
      {High(effective), High(permitted), High(inheritable)}};
  if (syscall(SYS_capset, &header, data) != 0) return errno;
  uint64_t ambient = wanted.ambient & permitted & inheritable;
  for (int cap = 0; cap < 64; ++cap) {
    if (((ambient >> cap) & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0) {
      return errno;
    }
  }
  return 0;
}

}  // namespace runtime::caps
