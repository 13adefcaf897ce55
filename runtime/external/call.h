// SPDX-License-Identifier: Apache-2.0
// Calls of somebody else's OCI runtime. In single-threaded forks of the holder
// only: they block, and the runtime that they start dies with them.
#ifndef CORACLE_RUNTIME_EXTERNAL_CALL_H_
#define CORACLE_RUNTIME_EXTERNAL_CALL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace runtime::external {

// One call: `command` is the binary's path and its global options.
struct Call {
  std::vector<std::string> command;
  std::vector<std::string> args;    // "create", "--bundle", …
  int in = -1, out = -1, err = -1;  // -1 = /dev/null
  std::string log_file;             // the runtime's own; made and removed here
};

// Returns when the runtime has ended well, or with its own reason in one line
// ("runc create failed: …", "crun start: …").
absl::Status Run(const Call& call);

// The reason in a log of JSON lines: the message of the last error, else of
// the last line; "" if it is empty. One line, at most 400 bytes.
std::string ReasonIn(absl::string_view log);

// Whether a runtime's reason is that it knows no such container. For those that
// fail a forced delete then; runc and crun do not. `state` would tell less: it
// fails in the same way for a container whose files are broken.
bool SaysUnknown(absl::string_view reason);

// Whether the program of a runtime's command, a path, is no longer there.
bool IsGone(const std::vector<std::string>& command);

}  // namespace runtime::external

#endif  // CORACLE_RUNTIME_EXTERNAL_CALL_H_
