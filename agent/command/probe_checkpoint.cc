// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_checkpoint.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/spawn.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace agent::command {
namespace {

using ::runtime::ErrnoStatus;
using ::runtime::UniqueFd;
using ::runtime::checkpoint::Output;

absl::StatusOr<std::string> ReadWritten(const UniqueFd& fd) {
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return ErrnoStatus("lseek");
  return ::runtime::ReadFd(fd.get(), "output", 1 << 20);
}

absl::StatusOr<Output> Run(const std::vector<std::string>& args) {
  const UniqueFd out(memfd_create("stdout", MFD_CLOEXEC));
  const UniqueFd err(memfd_create("stderr", MFD_CLOEXEC));
  if (!out.ok() || !err.ok()) return ErrnoStatus("memfd_create");
  const std::vector<char*> argv = ::runtime::Pointers(args);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.get(), 2);
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return ErrnoStatus(error, args[0]);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  Output output;
  output.code =
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ASSIGN_OR_RETURN(output.out, ReadWritten(out));
  ASSIGN_OR_RETURN(output.err, ReadWritten(err));
  return output;
}

}  // namespace

Finding CheckpointFinding(
    const absl::StatusOr<::runtime::checkpoint::Criu>& criu) {
  if (!criu.ok()) {
    return {Verdict::kLimited, "checkpoints",
            std::string(criu.status().message()),
            "everything else works without"};
  }
  return {Verdict::kGood, "checkpoints",
          absl::StrCat("CRIU ", criu->version, " works with this kernel"), ""};
}

std::vector<Finding> ProbeCheckpoints() {
  return {CheckpointFinding(::runtime::checkpoint::FindCriu(Run))};
}

}  // namespace agent::command
