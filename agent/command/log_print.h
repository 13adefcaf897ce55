// SPDX-License-Identifier: Apache-2.0
// Prints a log file in CRI format ("<time> <stream> <tag> <text>").
#ifndef CORACLE_AGENT_COMMAND_LOG_PRINT_H_
#define CORACLE_AGENT_COMMAND_LOG_PRINT_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace agent::command {

struct PrintOptions {
  int64_t tail = -1;  // -1 = all
  bool follow = false, timestamps = false;
};

// One line of the file as it is shown, without a newline if the entry is a part
// of a longer line (tag P). A line of another form is shown as it is.
std::string ShownLine(absl::string_view line, bool timestamps, bool* to_stderr);

// With follow on through the files that the log becomes, also of one that was
// behind, as long as they are there. `running` tells whether more may come;
// asked about once a second in follow.
absl::Status PrintLog(const std::string& path, const PrintOptions& options,
                      const std::function<bool()>& running);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_LOG_PRINT_H_
