// SPDX-License-Identifier: Apache-2.0
#include "runtime/checkpoint/stage.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime::checkpoint {
namespace {

// The FIFO is opened for both directions, so that it neither waits nor breaks
// when nobody listens any more.
constexpr char kScript[] =
    "#!/bin/sh\n"
    "[ \"$CRTOOLS_SCRIPT_ACTION\" = post-dump ] || exit 0\n"
    "cd \"${0%/*}\" || exit 1\n"
    "echo stopped 1<>stopped\n"
    "exec flock go test -e taken\n";

}  // namespace

absl::StatusOr<Stage> Stage::Open(const std::string& directory) {
  RETURN_IF_ERROR(WriteFileAtomic(directory + "/script", kScript, 0700));
  const std::string fifo = directory + "/stopped";
  if (mkfifo(fifo.c_str(), 0600) != 0) {
    return ErrnoStatus(absl::StrCat("mkfifo ", fifo));
  }
  ASSIGN_OR_RETURN(UniqueFd stopped, OpenFile(fifo, O_RDWR | O_NONBLOCK));
  const std::string go = directory + "/go";
  ASSIGN_OR_RETURN(UniqueFd lock,
                   OpenFile(go, O_RDWR | O_CREAT | O_EXCL, 0600));
  if (flock(lock.get(), LOCK_EX) != 0) {
    return ErrnoStatus(absl::StrCat("lock ", go));
  }
  return Stage(directory, std::move(stopped), std::move(lock));
}

absl::Status Stage::Succeed() {
  RETURN_IF_ERROR(WriteFileAtomic(directory_ + "/taken", ""));
  Release();
  return absl::OkStatus();
}

}  // namespace runtime::checkpoint
