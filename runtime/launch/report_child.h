// SPDX-License-Identifier: Apache-2.0
// What the set-up process and init tell the keeper (see container.h), and what
// they tell each other. Raw world.
#ifndef CORACLE_RUNTIME_LAUNCH_REPORT_CHILD_H_
#define CORACLE_RUNTIME_LAUNCH_REPORT_CHILD_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/raw.h"

namespace runtime::launch {

// One message on the report socket (SOCK_SEQPACKET, set-up or init → keeper).
// First kCreated or kFailed. After the start byte the socket closes on exec:
// end of file = the workload runs, a kFailed before it = the exec failed.
struct Report {
  enum Kind : uint32_t {
    // pid = init, phases = what it took; with a tty the pty master comes as
    // SCM_RIGHTS.
    kCreated = 1,
    kFailed = 2,  // error = errno or 0; text = "mount /data: Permission denied"
    kStarted = 3,  // of another runtime, whose start cannot be seen
  };
  struct Phase {
    char name[8];  // of the step; NUL terminated
    uint64_t nanoseconds;
  };
  static constexpr uint32_t kMaxPhases = 8;

  uint32_t kind;
  int32_t pid;
  int32_t error;
  uint32_t phase_count;
  Phase phases[kMaxPhases];
  char text[480];  // NUL terminated
};

// Writes reports. A keeper that is gone is not an error: what follows finds out
// by itself. Not thread safe.
class Reporter {
 public:
  explicit Reporter(int fd);

  void set_fd(int fd) { fd_ = fd; }
  // The step that just ended, for Created to tell; its time runs from the last
  // call. Report::kMaxPhases at most.
  template <size_t N>
  void Phase(const char (&name)[N]) {
    static_assert(N <= sizeof(Report::Phase::name));
    AddPhase(name);
  }
  // `terminal_fd` ≥ 0 goes along.
  void Created(pid_t pid, int terminal_fd);
  void Started();
  void Failed(int error, const char* text);
  void Failed(const raw::Failure& failure) {
    Failed(failure.error, failure.text.c_str());
  }

 private:
  void AddPhase(const char* name);

  int fd_;
  uint64_t last_;
  uint32_t phase_count_ = 0;
  Report::Phase phases_[Report::kMaxPhases] = {};
};

// Passing one byte, and perhaps a descriptor, between set-up and init.
bool SendByte(int socket, char byte, int fd = -1);
// The byte, or -1 at end of file. A descriptor that came along goes to *fd.
int ReceiveByte(int socket, int* fd = nullptr);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_REPORT_CHILD_H_
