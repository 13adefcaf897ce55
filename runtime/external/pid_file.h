// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_EXTERNAL_PID_FILE_H_
#define CORACLE_RUNTIME_EXTERNAL_PID_FILE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace runtime::external {

// The process ID in a file that a runtime wrote; removes it.
absl::StatusOr<pid_t> TakePid(const std::string& pid_file);

}  // namespace runtime::external

#endif  // CORACLE_RUNTIME_EXTERNAL_PID_FILE_H_
