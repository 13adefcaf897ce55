// SPDX-License-Identifier: Apache-2.0
// BuiltinHandler: how sandboxes come and go.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/external/call.h"
#include "runtime/handler/builtin_impl.h"
#include "runtime/handler/scope.h"
#include "runtime/launch/container.h"
#include "runtime/state/record.h"

namespace runtime::handler {
namespace {

constexpr absl::Duration kAnswerTime = absl::Seconds(10);
constexpr absl::Duration kEndTime = absl::Seconds(60);
constexpr absl::Duration kStartTime = absl::Seconds(5);  // at a start

// Below a pod's directory: /dev/shm, and files that its containers share.
constexpr const char* kMemoryDirs[] = {"shm", "files"};
// Room for copies of the host's own resolv.conf and hosts of 1 MiB each.
constexpr char kFilesOptions[] = "mode=0700,size=4m";

absl::Status MountMemory(const char* name, const std::string& dir,
                         const std::string& options) {
  RETURN_IF_ERROR(MakeDirs(dir, 0700));
  if (mount(name, dir.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
            options.c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("mount tmpfs on ", dir));
  }
  return absl::OkStatus();
}

std::string ShmOptions(const SandboxOptions& options) {
  const ns::IdMaps& maps = options.id_maps;
  return absl::StrCat("mode=1777,size=", options.shm_bytes,
                      ",uid=", ns::ToHost(maps.uids, 0).value_or(0),
                      ",gid=", ns::ToHost(maps.gids, 0).value_or(0));
}

std::vector<std::string> CgroupDirs(const std::string& path) {
  std::vector<std::string> dirs;
  if (path.empty() || path == "/") return dirs;
  absl::StatusOr<cgroup::Cgroup> cgroup = cgroup::Cgroup::At(path);
  if (!cgroup.ok()) return dirs;
  for (const cgroup::Hierarchy& hierarchy : cgroup->layout().hierarchies) {
    dirs.push_back(cgroup->Directory(hierarchy));
  }
  return dirs;
}

bool IsMissing(const std::string& cgroup_path) {
  for (const std::string& dir : CgroupDirs(cgroup_path)) {
    if (Exists(dir)) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<SandboxState> BuiltinHandler::StartSandbox(
    const SandboxOptions& options) {
  if (!state::IsValidId(options.id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("sandbox \"", options.id, "\": not a valid id"));
  }
  Turn turn(this, options.id);
  absl::StatusOr<SandboxState> living = FindLiving(options.id);
  if (!absl::IsNotFound(living.status())) return living;
  RETURN_IF_ERROR(Sweep(options.id, /*tell=*/false));
  absl::StatusOr<SandboxState> made = MakeSandbox(options);
  if (made.ok()) return made;
  if (absl::Status status = EndSandbox(options.id); !status.ok()) {
    log::Warning("clean up after a failed start: ", status.message());
  }
  return made;
}

absl::StatusOr<state::SandboxRecord> BuiltinHandler::ReadSandbox(
    const std::string& sandbox_id) {
  const std::string path = JoinPath(PodDir(sandbox_id), "sandbox.rec");
  ASSIGN_OR_RETURN(std::string body,
                   state::ReadRecord(path, state::kSandboxRecordKind));
  state::SandboxRecord record;
  if (state::Decode(body, &record)) return record;
  return absl::DataLossError(absl::StrCat(path, ": malformed"));
}

absl::Status BuiltinHandler::PrepareDir(const SandboxOptions& options) {
  const std::string dir = PodDir(options.id);
  RETURN_IF_ERROR(MakeDirs(dir, 0700));
  state::SandboxRecord record;
  record.id = options.id;
  record.cgroup_parent = options.cgroup_parent;
  record.owns_cgroup_parent = IsMissing(options.cgroup_parent);
  record.slice = options.slice;
  ASSIGN_OR_RETURN(record.runtime, runtimes_.CommandOf(options.handler));
  if (!options.host_ipc) {
    record.shm_dir = JoinPath(dir, "shm");
    RETURN_IF_ERROR(MountMemory("shm", record.shm_dir, ShmOptions(options)));
  }
  RETURN_IF_ERROR(MountMemory("files", JoinPath(dir, "files"), kFilesOptions));
  ASSIGN_OR_RETURN(UniqueFd dir_fd, OpenFile(dir, O_RDONLY | O_DIRECTORY));
  int error =
      state::WriteRecord(dir_fd.get(), "sandbox.rec", state::kSandboxRecordKind,
                         state::Encode(record));
  return error == 0
             ? absl::OkStatus()
             : ErrnoStatus(error, absl::StrCat("write ", dir, "/sandbox.rec"));
}

absl::StatusOr<SandboxState> BuiltinHandler::MakeSandbox(
    const SandboxOptions& options) {
  RETURN_IF_ERROR(PrepareDir(options));
  hold::Request request;
  request.type = hold::RequestType::kSpawn;
  request.id = options.id;
  if (!options.host_network) request.flags |= hold::kNewNetwork | hold::kNewUts;
  if (!options.host_ipc) request.flags |= hold::kNewIpc;
  if (options.share_pid) request.flags |= hold::kSharePid;
  if (!options.host_network) request.hostname = options.hostname;
  request.id_maps = options.id_maps;
  for (const auto& [name, value] : options.sysctls) {
    request.sysctls.emplace_back(name, value);
  }
  ASSIGN_OR_RETURN(hold::Reply reply, launcher_.Spawn(request));
  (void)reply;
  ASSIGN_OR_RETURN(SandboxState made, FindLiving(options.id));
  if (!options.slice.empty()) {
    RETURN_IF_ERROR(Anchor(options.id, options.slice));
  }
  return made;
}

absl::Status BuiltinHandler::Anchor(const std::string& sandbox_id,
                                    const std::string& slice) {
  // Not the sandbox's own turn: for that one the news of its end wait.
  Turn turn(this, sandbox_id + "/scope");
  ASSIGN_OR_RETURN(hold::Reply reply,
                   CallHolder(sandbox_id, {.type = hold::RequestType::kAnchor},
                              kAnswerTime));
  return EnsureScope(sandbox_id, slice, reply.value);
}

absl::Status BuiltinHandler::RemoveSandbox(const std::string& sandbox_id) {
  if (!state::IsValidId(sandbox_id)) return absl::OkStatus();  // unknown
  Turn turn(this, sandbox_id);
  return EndSandbox(sandbox_id);
}

absl::Status BuiltinHandler::EndSandbox(const std::string& sandbox_id) {
  events_.Forget(sandbox_id);
  absl::StatusOr<Connection> connection = OpenHolder(sandbox_id);
  if (connection.ok()) {
    RETURN_IF_ERROR(Annotate(EndHolder(&*connection),
                             absl::StrCat("end sandbox ", sandbox_id)));
  } else if (!absl::IsNotFound(connection.status())) {
    return connection.status();
  }
  events_.Forget(sandbox_id);
  return Sweep(sandbox_id, /*tell=*/false);
}

absl::Status BuiltinHandler::EndHolder(Connection* connection) {
  // The connection is alive, so the pid still is the holder's: from here on
  // the descriptor stands for it.
  UniqueFd pidfd(
      static_cast<int>(syscall(SYS_pidfd_open, connection->peer(), 0)));
  const activity::Step step("the sandbox's holder ends its containers",
                            connection->peer());
  absl::Time deadline = absl::Now() + kEndTime;
  absl::StatusOr<hold::Reply> reply =
      connection->Call({.type = hold::RequestType::kShutdown}, deadline);
  // Unavailable: it has ended, which is all we want.
  if (reply.ok() || absl::IsUnavailable(reply.status())) {
    return connection->WaitForEnd(deadline);
  }
  if (!absl::IsDeadlineExceeded(reply.status()) || !pidfd.ok()) {
    return reply.status();
  }
  log::Warning("a holder does not answer: killing it");
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) != 0) {
    return ErrnoStatus("kill the holder");
  }
  return connection->WaitForEnd(absl::Now() + kAnswerTime);
}

absl::Status BuiltinHandler::Disown(const std::vector<std::string>& runtime,
                                    const std::string& id,
                                    absl::Duration patience) {
  if (runtime.empty()) return absl::OkStatus();
  if (external::IsGone(runtime)) {
    log::Warning("container ", id, ": ", runtime[0],
                 " is gone, which would have deleted it");
    return absl::OkStatus();
  }
  std::vector<std::string> args = runtime;
  args.insert(args.end(), {"delete", "--force", id});
  const absl::Status done = launcher_.Run(args, patience).status();
  if (done.ok() || external::SaysUnknown(done.message())) {
    return absl::OkStatus();
  }
  return absl::AbortedError(done.message());
}

absl::Status BuiltinHandler::SweepContainer(const std::string& sandbox_id,
                                            const std::string& id, bool tell) {
  std::vector<std::string> runtime;
  std::string cgroups;
  absl::StatusOr<state::ContainerPlan> plan = ReadPlan(sandbox_id, id);
  if (plan.ok()) {
    runtime = plan->runtime;
    cgroups = plan->cgroups_path;
  } else {
    log::Warning(plan.status().message());
    absl::StatusOr<state::SandboxRecord> sandbox = ReadSandbox(sandbox_id);
    if (sandbox.ok()) {
      runtime = sandbox->runtime;  // the same for all of them
      // A scope goes with all that is in it.
      if (sandbox->slice.empty() && !sandbox->cgroup_parent.empty()) {
        cgroups = JoinPath(sandbox->cgroup_parent, id);
      }
    }
  }
  if (int error = cgroups.empty() ? 0 : launch::RemoveCgroups(cgroups);
      error != 0) {
    log::Warning(
        ErrnoStatus(error, absl::StrCat("remove cgroups of ", id)).message());
  }
  // A start asks once, shortly: who removes the sandbox asks again.
  const absl::Status disowned =
      Disown(runtime, id, tell ? kStartTime : kEndTime);
  if (!tell) return disowned;
  state::ContainerRecord record;
  absl::StatusOr<std::string> body = state::ReadRecord(
      ContainerFile(sandbox_id, id, ".rec"), state::kContainerRecordKind);
  bool known = body.ok() && state::Decode(*body, &record);
  if (!known && !absl::IsNotFound(body.status())) {
    log::Warning(body.ok() ? "malformed record" : body.status().message());
  }
  record.id = id;
  if (record.phase != state::Phase::kExited) {
    record.phase = state::Phase::kExited;
    record.pid = 0;
    record.exit_code = 128 + SIGKILL;
    record.finished_ns = absl::ToUnixNanos(absl::Now());
    record.message = "the sandbox's holder died";
  }
  events_.Tell(ToContainerState(sandbox_id, record));
  return disowned;
}

void BuiltinHandler::RemoveCgroupParent(const std::string& sandbox_id,
                                        bool await) {
  absl::StatusOr<state::SandboxRecord> record = ReadSandbox(sandbox_id);
  if (absl::IsNotFound(record.status())) return;
  if (!record.ok()) return log::Warning(record.status().message());
  if (!record->slice.empty()) EndScope(sandbox_id, record->slice, await);
  if (!record->owns_cgroup_parent) return;
  for (const std::string& dir : CgroupDirs(record->cgroup_parent)) {
    rmdir(dir.c_str());  // another sandbox may be in it: then it stays
  }
}

absl::Status BuiltinHandler::Sweep(const std::string& sandbox_id, bool tell) {
  const std::string dir = PodDir(sandbox_id);
  absl::StatusOr<std::vector<std::string>> names = ListDir(dir);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  RETURN_IF_ERROR(names.status());
  absl::Status disowned;
  for (const std::string& name : *names) {
    absl::string_view id = name;
    absl::ConsumeSuffix(&id, state::kAside);
    if (absl::ConsumeSuffix(&id, ".plan") && state::IsValidId(id)) {
      disowned.Update(SweepContainer(sandbox_id, std::string(id), tell));
    }
  }
  RemoveCgroupParent(sandbox_id, /*await=*/!tell);
  for (const char* memory : kMemoryDirs) {
    const std::string path = JoinPath(dir, memory);
    if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 &&
        errno != EINVAL && errno != ENOENT) {
      return ErrnoStatus(absl::StrCat("umount ", path));
    }
  }
  if (disowned.ok()) RETURN_IF_ERROR(RemoveTree(dir));
  if (tell) {
    ContainerState gone;
    gone.sandbox_id = sandbox_id;
    gone.phase = ContainerPhase::kExited;
    events_.Tell(gone);
  }
  return disowned;
}

}  // namespace runtime::handler
