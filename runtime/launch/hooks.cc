// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace runtime::launch {
namespace {

[[noreturn]] void ExecHook(const spec::Hook& hook, int input) {
  std::vector<std::string> args = hook.args;
  if (args.empty()) args.push_back(hook.path);
  std::vector<std::string> env = hook.env;
  std::vector<char*> argv, envp;
  for (std::string& text : args) argv.push_back(text.data());
  for (std::string& text : env) envp.push_back(text.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  // What a hook prints goes where the runtime's own errors go.
  if (dup2(input, 0) < 0 || dup2(2, 1) < 0) _exit(126);
  syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
  execve(hook.path.c_str(), argv.data(), envp.data());
  _exit(errno == ENOENT ? 127 : 126);
}

absl::Status RunHook(const spec::Hook& hook, const std::string& state) {
  UniqueFd input(memfd_create("state", MFD_CLOEXEC));
  if (!input.ok()) return ErrnoStatus("memfd_create");
  RETURN_IF_ERROR(WriteAll(input.get(), state, "state"));
  if (lseek(input.get(), 0, SEEK_SET) != 0) return ErrnoStatus("lseek");
  pid_t pid = fork();
  if (pid < 0) return ErrnoStatus("fork");
  if (pid == 0) ExecHook(hook, input.get());
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd wait = {pidfd.get(), POLLIN, 0};
  int timeout = hook.timeout_seconds > 0 ? hook.timeout_seconds * 1000 : -1;
  bool in_time = poll(&wait, 1, timeout) == 1;
  if (!in_time) kill(pid, SIGKILL);
  int result = 0;
  while (waitpid(pid, &result, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) {
    return absl::DeadlineExceededError(
        absl::StrCat("took longer than ", hook.timeout_seconds, " s"));
  }
  if (WIFEXITED(result) && WEXITSTATUS(result) == 0) return absl::OkStatus();
  if (WIFEXITED(result)) {
    return absl::AbortedError(
        absl::StrCat("ended with exit code ", WEXITSTATUS(result)));
  }
  return absl::AbortedError(
      absl::StrCat("was killed by signal ", WTERMSIG(result)));
}

}  // namespace

bool HasRuntimeHooks(const spec::Hooks& hooks) {
  return !hooks.prestart.empty() || !hooks.create_runtime.empty();
}

std::string HookState(const Plan& plan, pid_t pid) {
  const spec::Hooks& hooks = plan.config.hooks;
  if (!HasRuntimeHooks(hooks) && hooks.create_container.empty() &&
      hooks.start_container.empty()) {
    return "";
  }
  Json state = {{"ociVersion", "1.2.0"},
                {"id", plan.request->id},
                {"status", "creating"},
                {"pid", pid},
                {"bundle", plan.request->bundle_dir},
                {"annotations", plan.config.annotations}};
  return DumpJson(state);
}

absl::Status RunHooks(const std::vector<spec::Hook>& hooks,
                      absl::string_view kind, const std::string& state) {
  for (const spec::Hook& hook : hooks) {
    RETURN_IF_ERROR(Annotate(RunHook(hook, state),
                             absl::StrCat(kind, " hook ", hook.path)));
  }
  return absl::OkStatus();
}

}  // namespace runtime::launch
