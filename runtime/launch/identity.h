// SPDX-License-Identifier: Apache-2.0
// Who a process will be, laid out before it is cloned. What it then does by
// itself is identity_child.h.
#ifndef CORACLE_RUNTIME_LAUNCH_IDENTITY_H_
#define CORACLE_RUNTIME_LAUNCH_IDENTITY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/launch/identity_child.h"
#include "runtime/lsm/lsm.h"
#include "runtime/path/proc.h"
#include "runtime/seccomp/filter.h"
#include "runtime/spec/spec.h"

namespace runtime::launch {

struct Identity {
  spec::Process process;
  lsm::Labels labels;
  bool has_seccomp = false;
  seccomp::Program seccomp;
  std::vector<char*> argv, envp;  // point into `process`
};

// Compiles what has to be compiled.
absl::StatusOr<Identity> PrepareIdentity(const spec::Process& process,
                                         const spec::Config& config,
                                         const std::string& seccomp_cache_dir);

// The orders point into *identity, which must not move afterwards.
IdentityOrders OrdersFor(Identity* identity);

// "HOME=/…" from the root's own /etc/passwd ("/" if the user is not there), or
// "" if the config has one. Call inside the container's root; `proc` is the
// host's.
std::string HomeFor(const IdentityOrders& orders, const path::Proc& proc);

// OK if there is a file to exec; else what a failed exec would say.
absl::Status CheckCommand(const IdentityOrders& orders);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_IDENTITY_H_
