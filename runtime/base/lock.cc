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

constexpr absl::Duration kPause = absl::Milliseconds(2);
constexpr int kMostTries = 500;

}  // namespace

absl::Status LockFile(int fd, const std::string& path) {
  for (int tries = 1; flock(fd, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return ErrnoStatus(absl::StrCat("lock ", path));
    }
    if (tries >= kMostTries) {
      return absl::AlreadyExistsError(
          absl::StrCat("lock ", path, ": another process has it"));
    }
    absl::SleepFor(kPause);
  }
  return absl::OkStatus();
}

}  // namespace runtime
