// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/hooks.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/spawn.h"
#include "runtime/base/spawn_child.h"
#include "runtime/base/status.h"

namespace runtime::launch {
namespace {

absl::Status RunHook(const spec::Hook& hook, const std::string& state,
                     const std::vector<int>& cgroup_doors) {
  UniqueFd input(memfd_create("state", MFD_CLOEXEC));
  if (!input.ok()) return ErrnoStatus("memfd_create");
  RETURN_IF_ERROR(WriteAll(input.get(), state, "state"));
  if (lseek(input.get(), 0, SEEK_SET) != 0) return ErrnoStatus("lseek");
  Program program;
  program.path = hook.path;
  program.args = hook.args.empty() ? std::vector{hook.path} : hook.args;
  program.env = hook.env;
  program.in = input.get();
  // What a hook prints goes where the runtime's own errors go.
  program.out = program.err = 2;
  program.dies_with_parent = true;
  program.cgroup_doors = cgroup_doors;
  ASSIGN_OR_RETURN(Spawned spawned, Spawn(program));
  absl::Status started = AwaitSpawn(spawned, hook.path);
  const raw::Ended ended = raw::AwaitEnd(spawned.pid, hook.timeout_seconds);
  RETURN_IF_ERROR(started);
  if (ended.error != 0) return ErrnoStatus(ended.error, "pidfd_open");
  if (!ended.in_time) {
    return absl::DeadlineExceededError(
        absl::StrCat("took longer than ", hook.timeout_seconds, " s"));
  }
  const int result = ended.wait_status;
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

bool HasHooks(const spec::Hooks& hooks) {
  return HasRuntimeHooks(hooks) || !hooks.create_container.empty() ||
         !hooks.start_container.empty();
}

std::string HookState(const Plan& plan, pid_t pid) {
  Json state = {{"ociVersion", "1.2.0"},
                {"id", plan.request->id},
                {"status", "creating"},
                {"pid", pid},
                {"bundle", plan.request->bundle_dir},
                {"annotations", plan.config.annotations}};
  return DumpJson(state);
}

absl::Status RunHooks(const std::vector<spec::Hook>& hooks,
                      absl::string_view kind, const std::string& state,
                      const std::vector<int>& cgroup_doors) {
  for (const spec::Hook& hook : hooks) {
    RETURN_IF_ERROR(Annotate(RunHook(hook, state, cgroup_doors),
                             absl::StrCat(kind, " hook ", hook.path)));
  }
  return absl::OkStatus();
}

}  // namespace runtime::launch
