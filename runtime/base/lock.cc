// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/lock.h"

#include <sys/file.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/status.h"

namespace runtime {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr absl::Duration kPause = absl::Milliseconds(2);

}  // namespace

absl::Status LockFile(int fd, const std::string& path) {
  const absl::Time end = absl::Now() + kPatience;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return ErrnoStatus(absl::StrCat("lock ", path));
    }
    if (absl::Now() >= end) {
      return absl::AlreadyExistsError(
          absl::StrCat("lock ", path, ": another process has it"));
    }
    absl::SleepFor(kPause);
  }
  return absl::OkStatus();
}

}  // namespace runtime
