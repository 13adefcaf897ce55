// SPDX-License-Identifier: Apache-2.0
// The socket over which an OCI runtime hands out a terminal's master
// (--console-socket).
#ifndef CORACLE_RUNTIME_EXTERNAL_CONSOLE_H_
#define CORACLE_RUNTIME_EXTERNAL_CONSOLE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace runtime::external {

// Not thread safe. Its file goes with it.
class Console {
 public:
  Console() = default;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console();

  // Listens on a socket `name` in `directory`.
  absl::Status Open(const std::string& directory, const std::string& name);
  // Where the runtime finds it: short, whatever the directory's path.
  std::string path() const;
  // The master, once the runtime has sent it; does not wait.
  absl::StatusOr<UniqueFd> Receive();

 private:
  UniqueFd directory_, listen_;
  std::string name_;
};

}  // namespace runtime::external

#endif  // CORACLE_RUNTIME_EXTERNAL_CONSOLE_H_
