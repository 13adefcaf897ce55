// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/pid_file.h"

#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime::external {

absl::StatusOr<pid_t> TakePid(const std::string& pid_file) {
  ASSIGN_OR_RETURN(std::string text, ReadFile(pid_file, 32));
  unlink(pid_file.c_str());
  pid_t pid = 0;
  if (absl::SimpleAtoi(text, &pid) && pid > 1) return pid;
  return absl::InternalError(
      absl::StrCat(pid_file, ": \"", text, "\" is no process ID"));
}

}  // namespace runtime::external
