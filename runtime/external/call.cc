// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/call.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/spawn.h"
#include "runtime/base/status.h"

namespace runtime::external {
namespace {

constexpr size_t kMaxReason = 400;
constexpr size_t kMaxLog = 1 << 20;

std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string ReadReason(const std::string& log_file) {
  absl::StatusOr<std::string> log = ReadFile(log_file, kMaxLog);
  return log.ok() ? ReasonIn(*log) : "";
}

absl::Status ToStatus(const Call& call, int wait_status) {
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
    return absl::OkStatus();
  }
  const std::string name = NameOf(call.command[0]);
  std::string reason = ReadReason(call.log_file);
  if (reason.empty()) {
    reason = WIFSIGNALED(wait_status)
                 ? absl::StrCat("killed by signal ", WTERMSIG(wait_status))
                 : absl::StrCat("exit code ", WEXITSTATUS(wait_status),
                                " without a reason");
  }
  if (absl::StartsWith(reason, name)) return absl::UnknownError(reason);
  return absl::UnknownError(
      absl::StrCat(name, " ", call.args[0], ": ", reason));
}

}  // namespace

std::string ReasonIn(absl::string_view log) {
  std::string last, last_error;
  for (absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    absl::StatusOr<Json> json = ParseJson(line, "log");
    last = json.ok() ? StringAt(*json, "msg") : std::string(line);
    const std::string level = json.ok() ? StringAt(*json, "level") : "";
    if (level == "error" || level == "fatal" || level == "panic") {
      last_error = last;
    }
  }
  std::string reason(
      absl::StripAsciiWhitespace(last_error.empty() ? last : last_error));
  absl::StrReplaceAll({{"\n", "; "}}, &reason);
  if (reason.size() > kMaxReason) reason.resize(kMaxReason);
  return reason;
}

// "container does not exist" (runc), "container `x` does not exist" (crun),
// "loading container: file does not exist" (runsc).
bool SaysUnknown(absl::string_view reason) {
  const std::string text = absl::AsciiStrToLower(reason);
  return absl::StrContains(text, "container") &&
         absl::StrContains(text, "does not exist");
}

bool IsGone(const std::vector<std::string>& command) {
  return absl::StartsWith(command[0], "/") &&
         access(command[0].c_str(), F_OK) != 0 && errno == ENOENT;
}

absl::Status Run(const Call& call) {
  std::vector<std::string> words = call.command;
  words.insert(words.end(), {"--log", call.log_file, "--log-format", "json"});
  words.insert(words.end(), call.args.begin(), call.args.end());
  Program program;
  program.path = call.command[0];
  program.args = std::move(words);
  // Holders have given up their environment for their title.
  program.env = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  program.in = call.in;
  program.out = call.out;
  program.err = call.err;
  program.dies_with_parent = true;
  ASSIGN_OR_RETURN(Spawned spawned, Spawn(program));
  absl::Status started = AwaitSpawn(spawned, program.path);
  int wait_status = 0;
  while (waitpid(spawned.pid, &wait_status, 0) < 0) {
    if (errno != EINTR) return ErrnoStatus("wait for the runtime");
  }
  RETURN_IF_ERROR(started);
  absl::Status status = ToStatus(call, wait_status);
  unlink(call.log_file.c_str());
  return status;
}

}  // namespace runtime::external
