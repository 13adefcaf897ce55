// SPDX-License-Identifier: Apache-2.0
// BuiltinHandler: checkpoints, by CRIU, which the launcher runs. It serves the
// containers of other OCI runtimes too: all that it needs is a process.
#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/layout.h"
#include "runtime/checkpoint/stage.h"
#include "runtime/handler/builtin_impl.h"
#include "runtime/path/proc.h"

namespace runtime::handler {
namespace {

constexpr absl::Duration kCheckTime = absl::Seconds(20);
constexpr size_t kMostLogBytes = 64 << 20;
// Of the arguments: the request holds some more.
constexpr size_t kMostArgumentBytes = hold::kMaxMessage - 1024;

// The inode of a process's namespace.
absl::StatusOr<ino_t> Namespace(const path::Proc& proc, absl::string_view who,
                                absl::string_view type) {
  const std::string name = absl::StrCat(who, "/ns/", type);
  ASSIGN_OR_RETURN(const std::string text, proc.ReadLink(name));
  absl::string_view digits = text;  // "net:[4026531840]"
  ino_t inode = 0;
  if (!absl::ConsumePrefix(&digits, absl::StrCat(type, ":[")) ||
      !absl::ConsumeSuffix(&digits, "]") || !absl::SimpleAtoi(digits, &inode)) {
    return absl::InternalError(absl::StrCat("/proc/", name, ": ", text));
  }
  return inode;
}

// The same, or 0 if it is this process's own.
absl::StatusOr<ino_t> ForeignNamespace(const path::Proc& proc, pid_t pid,
                                       absl::string_view type) {
  ASSIGN_OR_RETURN(const ino_t theirs,
                   Namespace(proc, absl::StrCat(pid), type));
  ASSIGN_OR_RETURN(const ino_t ours, Namespace(proc, "self", type));
  return theirs == ours ? 0 : theirs;
}

std::string FreezerOf(const std::string& cgroups_path) {
  const absl::StatusOr<cgroup::Layout> layout = cgroup::Detect();
  if (!layout.ok()) return "";
  const cgroup::Hierarchy* hierarchy =
      layout->v2 ? layout->Unified() : layout->Find("freezer");
  if (hierarchy == nullptr) return "";
  std::string path = JoinPath(hierarchy->mount_point, cgroups_path);
  return Exists(path) ? path : "";
}

std::vector<std::string> BindTargets(const std::string& config_json) {
  std::vector<std::string> targets;
  const absl::StatusOr<Json> config = ParseJson(config_json, "config.json");
  if (!config.ok()) return targets;
  for (const Json& mount : ArrayAt(*config, "mounts")) {
    bool bind = StringAt(mount, "type") == "bind";
    for (const Json& option : ArrayAt(mount, "options")) {
      bind = bind || option == "bind" || option == "rbind";
    }
    if (bind) targets.push_back(StringAt(mount, "destination"));
  }
  return targets;
}

// What 0, 1 and 2 are, for who restores: they are to be connected anew.
absl::Status WriteDescriptors(const path::Proc& proc, pid_t pid,
                              const std::string& images_dir) {
  Json names = Json::array();
  for (int fd : {0, 1, 2}) {
    names.push_back(
        proc.ReadLink(absl::StrCat(pid, "/fd/", fd)).value_or("/dev/null"));
  }
  return WriteFileAtomic(images_dir + "/descriptors.json", DumpJson(names));
}

// Until criu has ended, or the deadline; `criu` is to be finished in any case.
absl::Status Follow(const Command& criu, checkpoint::Stage& stage,
                    const CheckpointOptions& options) {
  pollfd polled[2] = {{criu.fd(), POLLIN, 0}, {stage.fd(), POLLIN, 0}};
  while (polled[0].revents == 0) {
    if (absl::Now() >= options.deadline) {
      return absl::DeadlineExceededError("the checkpoint takes too long");
    }
    if (poll(polled, 2, PollMilliseconds(options.deadline)) < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus("poll");
    }
    if (polled[1].revents == 0) continue;
    RETURN_IF_ERROR(options.while_stopped());
    RETURN_IF_ERROR(stage.Succeed());
    polled[1] = {-1, 0, 0};  // it is told once
  }
  return absl::OkStatus();
}

// A criu that was killed, as for want of memory, cannot do that any more.
void Thaw(const std::string& cgroups_path) {
  absl::StatusOr<cgroup::Cgroup> cgroup = cgroup::Cgroup::At(cgroups_path);
  if (!cgroup.ok() || !cgroup->IsFrozen()) return;
  const absl::Status thawed = cgroup->Freeze(false);
  if (!thawed.ok()) log::Error("after a checkpoint: ", thawed.message());
}

absl::Status WhyFailed(const CommandEnd& end, const std::string& work_dir) {
  std::string why;
  absl::StatusOr<std::string> log =
      ReadFile(work_dir + "/dump.log", kMostLogBytes);
  if (log.ok()) why = checkpoint::LastError(*log);
  if (why.empty()) why = checkpoint::LastError(end.err);
  if (why.empty()) why = absl::StrCat("exit code ", end.code);
  return absl::UnknownError(absl::StrCat("criu dump: ", why));
}

}  // namespace

absl::StatusOr<checkpoint::Criu> BuiltinHandler::Criu() {
  return checkpoint::FindCriu(
      [this](const std::vector<std::string>& args)
          -> absl::StatusOr<checkpoint::Output> {
        ASSIGN_OR_RETURN(Command command, launcher_.Begin(args));
        ASSIGN_OR_RETURN(CommandEnd end,
                         command.Finish(absl::Now() + kCheckTime));
        return checkpoint::Output{end.code, std::move(end.out),
                                  std::move(end.err)};
      },
      options_.criu_dirs.empty() ? checkpoint::kProgramDirs
                                 : options_.criu_dirs);
}

absl::Status BuiltinHandler::CheckpointContainer(
    const std::string& sandbox_id, const std::string& id,
    const CheckpointOptions& options) {
  ASSIGN_OR_RETURN(const state::ContainerPlan plan, PlanOf(sandbox_id, id));
  ASSIGN_OR_RETURN(const checkpoint::Criu criu, Criu());
  ASSIGN_OR_RETURN(const ContainerState before, GetContainer(sandbox_id, id));
  const absl::Status not_running = absl::FailedPreconditionError(
      absl::StrCat("container ", id, " does not run"));
  if (before.phase != ContainerPhase::kRunning) return not_running;
  checkpoint::Dump dump;
  dump.pid = before.pid;
  dump.images_dir = options.images_dir;
  dump.work_dir = options.work_dir;
  dump.freezer = FreezerOf(plan.cgroups_path);
  dump.tty = (plan.flags & state::kTty) != 0;
  dump.bind_targets = BindTargets(plan.config_json);
  ASSIGN_OR_RETURN(const path::Proc proc, path::Proc::Open());
  ASSIGN_OR_RETURN(dump.network_namespace,
                   ForeignNamespace(proc, dump.pid, "net"));
  if ((plan.flags & state::kOwnPidNamespace) == 0) {
    ASSIGN_OR_RETURN(dump.pid_namespace,
                     ForeignNamespace(proc, dump.pid, "pid"));
  }
  RETURN_IF_ERROR(WriteDescriptors(proc, dump.pid, options.images_dir));
  ASSIGN_OR_RETURN(checkpoint::Stage stage,
                   checkpoint::Stage::Open(options.work_dir));
  dump.script = stage.Script();
  const activity::Step step("criu writes the container's processes");
  // To the end: half of a dump would leave its code in their memory.
  ASSIGN_OR_RETURN(
      Command command,
      launcher_.Begin(checkpoint::DumpCommand(criu, dump, kMostArgumentBytes),
                      hold::kRunToTheEnd));
  const absl::Status followed = Follow(command, stage, options);
  stage.Release();
  absl::StatusOr<CommandEnd> end = command.Finish(absl::InfiniteFuture());
  if (!end.ok() || end->code != 0) Thaw(plan.cgroups_path);
  RETURN_IF_ERROR(followed);
  RETURN_IF_ERROR(end.status());
  if (end->code != 0) return WhyFailed(*end, options.work_dir);
  // Its number belonged to it all the time? Asked at the daemon's end, too.
  ASSIGN_OR_RETURN(Connection holder,
                   handler::OpenHolder(pods_dir_, sandbox_id));
  ASSIGN_OR_RETURN(const hold::Reply after,
                   holder.Call({.type = hold::RequestType::kGet, .id = id},
                               absl::Now() + kCheckTime));
  if (after.state.phase != state::Phase::kRunning) return not_running;
  return absl::OkStatus();
}

}  // namespace runtime::handler
