// SPDX-License-Identifier: Apache-2.0
// linux.seccomp as a BPF program: compiled by libseccomp to a balanced tree
// (the kernel runs it once for every system call number when it is installed),
// installed by one system call.
#ifndef CORACLE_RUNTIME_SECCOMP_FILTER_H_
#define CORACLE_RUNTIME_SECCOMP_FILTER_H_

#include <linux/filter.h>

#include <vector>

#include "absl/status/statusor.h"
#include "runtime/spec/spec.h"

namespace runtime::seccomp {

struct Program {
  std::vector<sock_filter> code;
  unsigned flags = 0;  // SECCOMP_FILTER_FLAG_…
};

// System calls that libseccomp does not know are skipped; calls newer than all
// that the profile names answer ENOSYS instead of the default EPERM, so that
// libraries fall back. INVALID_ARGUMENT names the bad field.
absl::StatusOr<Program> Compile(const spec::Seccomp& profile);

}  // namespace runtime::seccomp

#endif  // CORACLE_RUNTIME_SECCOMP_FILTER_H_
