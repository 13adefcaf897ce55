// SPDX-License-Identifier: Apache-2.0
#include "cri/image/io_priority.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/log.h"

namespace cri::image {
namespace {

// glibc has neither the calls nor their constants.
constexpr int kWhoProcess = 1;
constexpr int kClassShift = 13;
constexpr int kClassIdle = 3;

bool Set(int priority) {
  return syscall(SYS_ioprio_set, kWhoProcess, 0, priority) == 0;
}

// Of a kernel without block devices, or a seccomp filter: pulls work all the
// same.
void Warn() {
  static const bool once = [] {
    runtime::log::Warning("image store: ioprio_set: ", strerror(errno),
                          "; pulls use the disk with the usual priority");
    return true;
  }();
  (void)once;
}

}  // namespace

int LowIoPriority::Of(int thread) {
  return static_cast<int>(syscall(SYS_ioprio_get, kWhoProcess, thread));
}

LowIoPriority::LowIoPriority() : before_(Of(0)) {
  if (before_ >= 0 && before_ >> kClassShift == kClassIdle) {
    before_ = -1;  // lower still, by the will of who runs the daemon
  } else if (before_ < 0 || !Set(kLow)) {
    before_ = -1;
    Warn();
  }
}

LowIoPriority::~LowIoPriority() {
  // What the thread had before it may have again.
  if (before_ >= 0 && !Set(before_)) Warn();
}

}  // namespace cri::image
