// SPDX-License-Identifier: Apache-2.0
// Compiling an ordinary profile takes some 20 ms of CPU, and every container of
// a node has the same one or two. So programs are kept in files, by what they
// were compiled from. A file that is damaged or belongs to another profile is
// not used: it holds the whole source, which is compared.
#ifndef CORACLE_RUNTIME_SECCOMP_CACHE_H_
#define CORACLE_RUNTIME_SECCOMP_CACHE_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/seccomp/filter.h"
#include "runtime/spec/spec.h"

namespace runtime::seccomp {

// Compile, through files in `directory` (made with mode 0700; must be the
// runtime's own). "" = no cache. A cache that cannot be written is no error.
absl::StatusOr<Program> CompileCached(const spec::Seccomp& profile,
                                      const std::string& directory);

}  // namespace runtime::seccomp

#endif  // CORACLE_RUNTIME_SECCOMP_CACHE_H_
