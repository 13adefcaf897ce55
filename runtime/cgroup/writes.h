// SPDX-License-Identifier: Apache-2.0
// Writes to a cgroup's files that can be taken back: an update of limits that
// fails half-way leaves none of it.
#ifndef CORACLE_RUNTIME_CGROUP_WRITES_H_
#define CORACLE_RUNTIME_CGROUP_WRITES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace runtime::cgroup {

// Not thread safe.
class Writes {
 public:
  // Only with `undoable` are old contents read before each write.
  explicit Writes(bool undoable) : undoable_(undoable) {}

  // Leaves a file alone that holds `value` already, if undoable.
  absl::Status Write(const std::string& file, absl::string_view value);

  // Writes the old contents back, the last write first. Each step was valid
  // when it was taken, so its reverse is. The first failure, after trying all.
  absl::Status Undo();

 private:
  const bool undoable_;
  std::vector<std::pair<std::string, std::string>> old_;  // file, content
};

}  // namespace runtime::cgroup

#endif  // CORACLE_RUNTIME_CGROUP_WRITES_H_
