// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_HANDLER_PROCESS_FILE_H_
#define CORACLE_RUNTIME_HANDLER_PROCESS_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace runtime::handler {

// A file in memory with the OCI process object of an exec: the container's own
// (user, groups, capabilities, environment, directory) with other arguments,
// with or without a terminal.
absl::StatusOr<UniqueFd> ProcessFile(const std::string& config_json,
                                     const std::vector<std::string>& args,
                                     bool terminal);

// With the arguments only: for the built-in set-up, which knows the container's
// own, and no terminal.
absl::StatusOr<UniqueFd> ProcessFile(const std::vector<std::string>& args);

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_PROCESS_FILE_H_
