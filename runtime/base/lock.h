// SPDX-License-Identifier: Apache-2.0
// Locks that say who may use a directory.
#ifndef CORACLE_RUNTIME_BASE_LOCK_H_
#define CORACLE_RUNTIME_BASE_LOCK_H_

#include <string>

#include "absl/status/status.h"

namespace runtime {

// Locks the file (flock(2)), for this process alone. ALREADY_EXISTS if another
// has had it for a second: who was killed while it started a program leaves the
// lock to that one, until it executes. `path` is for errors.
absl::Status LockFile(int fd, const std::string& path);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_LOCK_H_
