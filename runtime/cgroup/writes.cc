// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup/writes.h"

#include "absl/strings/ascii.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime::cgroup {

absl::Status Writes::Write(const std::string& file, absl::string_view value) {
  if (!undoable_) return WriteFile(file, value);
  ASSIGN_OR_RETURN(std::string content, ReadFile(file, 65536));
  std::string old(absl::StripAsciiWhitespace(content));
  if (old == value) return absl::OkStatus();
  RETURN_IF_ERROR(WriteFile(file, value));
  old_.emplace_back(file, std::move(old));
  return absl::OkStatus();
}

absl::Status Writes::Undo() {
  absl::Status result;
  for (auto it = old_.rbegin(); it != old_.rend(); ++it) {
    // v2 takes an empty line for "as the parent", and no write of nothing.
    result.Update(WriteFile(it->first, it->second.empty() ? "\n" : it->second));
  }
  old_.clear();
  return result;
}

}  // namespace runtime::cgroup
