// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/call.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace runtime::external {
namespace {

constexpr size_t kMaxReason = 400;
constexpr size_t kMaxLog = 1 << 20;

// Tells `failed` what went wrong before the runtime ran.
[[noreturn]] void Become(const std::vector<std::string>& words,
                         const Call& call, pid_t parent, int failed) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int fds[] = {call.in, call.out, call.err};
  int error = null < 0 ? errno : 0;
  for (int i = 0; i < 3 && error == 0; ++i) {
    if (dup2(fds[i] >= 0 ? fds[i] : null, i) < 0) error = errno;
  }
  std::vector<char*> argv;
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  // Holders have given up their environment for their title.
  char path[] =
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* environment[] = {path, nullptr};
  if (error == 0) {
    execve(argv[0], argv.data(), environment);
    error = errno;
  }
  if (write(failed, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

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

absl::Status Run(const Call& call) {
  std::vector<std::string> words = call.command;
  words.insert(words.end(), {"--log", call.log_file, "--log-format", "json"});
  words.insert(words.end(), call.args.begin(), call.args.end());
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus("pipe");
  UniqueFd failed(fds[0]), failed_there(fds[1]);
  const pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) return ErrnoStatus("fork");
  if (pid == 0) Become(words, call, parent, failed_there.get());
  failed_there.reset();
  int error = 0;
  const ssize_t size = read(failed.get(), &error, sizeof error);
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) return ErrnoStatus("wait for the runtime");
  }
  if (size == sizeof error) {
    return ErrnoStatus(error, absl::StrCat("start ", call.command[0]));
  }
  absl::Status status = ToStatus(call, wait_status);
  unlink(call.log_file.c_str());
  return status;
}

}  // namespace runtime::external
