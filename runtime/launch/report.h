// SPDX-License-Identifier: Apache-2.0
// The set-up side of the report socket (see container.h).
#ifndef CORACLE_RUNTIME_LAUNCH_REPORT_H_
#define CORACLE_RUNTIME_LAUNCH_REPORT_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace runtime::launch {

// Writes reports; allocates nothing. A keeper that is gone is not an error:
// what follows finds out by itself. Not thread safe.
class Reporter {
 public:
  explicit Reporter(int fd);

  void set_fd(int fd) { fd_ = fd; }
  // The step that just ended; its time runs from the last call.
  void Phase(const char* name);
  // `terminal_fd` ≥ 0 goes along.
  void Created(pid_t pid, int terminal_fd);
  void Started();
  void Failed(const absl::Status& status);
  void Failed(int error, absl::string_view text);

 private:
  int fd_;
  uint64_t last_;
};

// Passing one byte, and perhaps a descriptor, between set-up and init.
bool SendByte(int socket, char byte, int fd = -1);
// The byte, or -1 at end of file. A descriptor that came along goes to *fd.
int ReceiveByte(int socket, int* fd = nullptr);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_REPORT_H_
