// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_RUNTIME_HANDLER_PROCESS_FILE_H_
#define CORACLE_RUNTIME_HANDLER_PROCESS_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace runtime::handler {

// A file in memory with what the OCI process object of an exec has that the
// container's own has not: other arguments, a terminal or none.
absl::StatusOr<UniqueFd> ProcessFile(const std::vector<std::string>& args,
                                     bool terminal);

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_PROCESS_FILE_H_
