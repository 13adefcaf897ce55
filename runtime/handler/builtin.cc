// SPDX-License-Identifier: Apache-2.0
// BuiltinHandler: containers.
#include "runtime/handler/builtin.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/handler/builtin_impl.h"
#include "runtime/launch/container.h"
#include "runtime/spec/spec.h"
#include "runtime/state/record.h"

namespace runtime::handler {
namespace {

// A set-up may wait for slow storage; a repeated call joins it.
constexpr absl::Duration kSetupTime = absl::Minutes(4);
constexpr absl::Duration kRemoveTime = absl::Minutes(1);
constexpr char kHolderWait[] = "waits for the sandbox's holder";
constexpr absl::Duration kAnswerTime = absl::Seconds(20);
// Lost holders that are dealt with at once.
constexpr int kMostLosses = 16;

// Holders do not run hooks; another runtime does, with its own commands.
absl::Status CheckHooks(const Json& config) {
  for (const char* hook : {"poststart", "poststop"}) {
    if (!Has(ObjectAt(config, "hooks"), hook)) continue;
    return absl::UnimplementedError(absl::StrCat(
        "hooks.", hook, ": the built-in handler does not run such hooks"));
  }
  return absl::OkStatus();
}

absl::StatusOr<state::ContainerPlan> MakePlan(
    const ContainerOptions& options, std::vector<std::string> runtime) {
  ASSIGN_OR_RETURN(Json config, ParseJson(options.oci_config, "config.json"));
  state::ContainerPlan plan;
  plan.id = options.id;
  plan.cgroups_path = StringAt(config, {"linux", "cgroupsPath"});
  if (plan.cgroups_path.empty()) {
    return absl::InvalidArgumentError("linux.cgroupsPath: missing");
  }
  if (runtime.empty()) RETURN_IF_ERROR(CheckHooks(config));
  bool names_pid = false, own_pid = false;
  for (const Json& item : ArrayAt(At(config, "linux"), "namespaces")) {
    if (StringAt(item, "type") != "pid") continue;
    names_pid = true;
    own_pid = StringAt(item, "path").empty();
  }
  if (options.tty) plan.flags |= state::kTty;
  if (options.stdin_open) plan.flags |= state::kStdinOpen;
  if (options.stdin_once) plan.flags |= state::kStdinOnce;
  if (!names_pid) plan.flags |= state::kJoinPodPid;
  if (own_pid) plan.flags |= state::kOwnPidNamespace;
  plan.log_path = options.log_path;
  plan.config_json = options.oci_config;
  plan.bundle_dir = options.rootfs_dir.substr(0, options.rootfs_dir.rfind('/'));
  plan.lower_dirs = options.lower_dirs;
  plan.upper_dir = options.upper_dir;
  plan.work_dir = options.work_dir;
  plan.rootfs_dir = options.rootfs_dir;
  plan.runtime = std::move(runtime);
  if (!plan.runtime.empty()) plan.flags |= state::kExternal;
  return plan;
}

// What a request makes the holder do, for runtime/base/activity.h.
const char* StepOf(hold::RequestType type) {
  switch (type) {
    case hold::RequestType::kCreate:
      return "the sandbox's holder sets up the container";
    case hold::RequestType::kStart:
      return "the sandbox's holder starts the container";
    case hold::RequestType::kRemove:
      return "the sandbox's holder removes the container";
    default:
      return kHolderWait;
  }
}

}  // namespace

BuiltinHandler::BuiltinHandler(const BuiltinOptions& options)
    : options_(options),
      pods_dir_(JoinPath(options.state_dir, "pods")),
      end_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      launcher_(options.state_dir, options.launcher_binary, end_.get()),
      runtimes_(&launcher_),
      losses_("holder-loss", kMostLosses),
      events_([this](const std::string& sandbox_id) {
        losses_.Post([this, sandbox_id] { OnLost(sandbox_id); });
      }) {}

// Before the events go, which what is under way still tells.
BuiltinHandler::~BuiltinHandler() { losses_.Stop(); }

BuiltinHandler::Turn::Turn(BuiltinHandler* handler, std::string sandbox_id)
    : handler_(handler), sandbox_id_(std::move(sandbox_id)) {
  absl::MutexLock lock(&handler_->mutex_);
  auto free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(handler_->mutex_) {
    return handler_->turns_.count(sandbox_id_) == 0;
  };
  handler_->mutex_.Await(absl::Condition(&free));
  handler_->turns_.insert(sandbox_id_);
}

BuiltinHandler::Turn::~Turn() {
  absl::MutexLock lock(&handler_->mutex_);
  handler_->turns_.erase(sandbox_id_);
}

void BuiltinHandler::SetListener(StateListener listener) {
  events_.SetListener(std::move(listener));
}

absl::Status BuiltinHandler::Ready() { return launcher_.Ensure(); }

void BuiltinHandler::SetRuntimes(std::map<std::string, OciRuntime> runtimes) {
  runtimes_.Set(std::move(runtimes));
}

std::optional<HandlerFeatures> BuiltinHandler::HostFeatures(std::string* why) {
  {
    absl::MutexLock lock(&mutex_);
    if (features_.has_value()) return features_;
  }
  hold::Request request;
  request.type = hold::RequestType::kProbe;
  request.directory =
      options_.data_dir.empty() ? options_.state_dir : options_.data_dir;
  absl::StatusOr<hold::Reply> reply = launcher_.Ask(request);
  if (!reply.ok()) {  // ask again next time
    *why = std::string(reply.status().message());
    return std::nullopt;
  }
  HandlerFeatures features;
  const auto bits = static_cast<uint32_t>(reply->value);
  features.user_namespaces = (bits & launch::kUserNamespaces) != 0;
  features.recursive_read_only_mounts =
      (bits & launch::kRecursiveReadOnly) != 0;
  features.no_user_namespaces = reply->text;
  absl::MutexLock lock(&mutex_);
  features_ = features;
  return features;
}

HandlerFeatures BuiltinHandler::Features(const std::string& handler) {
  HandlerFeatures none;
  absl::StatusOr<std::vector<std::string>> command =
      runtimes_.CommandOf(handler);
  if (!command.ok()) {
    none.no_user_namespaces = std::string(command.status().message());
    return none;
  }
  std::optional<HandlerFeatures> host = HostFeatures(&none.no_user_namespaces);
  if (!host.has_value()) return none;
  return command->empty() ? *host : runtimes_.FeaturesOf(*command, *host);
}

std::string BuiltinHandler::PodDir(const std::string& sandbox_id) const {
  return JoinPath(pods_dir_, sandbox_id);
}

std::string BuiltinHandler::ContainerFile(const std::string& sandbox_id,
                                          const std::string& id,
                                          const char* suffix) const {
  return absl::StrCat(PodDir(sandbox_id), "/", id, suffix);
}

absl::StatusOr<state::ContainerPlan> BuiltinHandler::ReadPlan(
    const std::string& sandbox_id, const std::string& id) {
  std::string path = ContainerFile(sandbox_id, id, ".plan");
  ASSIGN_OR_RETURN(std::string body,
                   state::ReadRecord(path, state::kContainerPlanKind));
  state::ContainerPlan plan;
  if (!state::Decode(body, &plan)) {
    return absl::DataLossError(absl::StrCat(path, ": malformed"));
  }
  return plan;
}

absl::StatusOr<state::ContainerPlan> BuiltinHandler::PlanOf(
    const std::string& sandbox_id, const std::string& id) {
  absl::StatusOr<state::ContainerPlan> plan = ReadPlan(sandbox_id, id);
  if (absl::IsNotFound(plan.status())) {
    return absl::NotFoundError(absl::StrCat("container ", id, ": unknown"));
  }
  return plan;
}

void BuiltinHandler::EndWaits() { eventfd_write(end_.get(), 1); }

absl::StatusOr<Connection> BuiltinHandler::OpenHolder(
    const std::string& sandbox_id) {
  // What nobody would wait for is not begun.
  pollfd end = {end_.get(), POLLIN, 0};
  if (poll(&end, 1, 0) > 0) return absl::CancelledError("the daemon ends");
  ASSIGN_OR_RETURN(Connection connection,
                   handler::OpenHolder(pods_dir_, sandbox_id));
  connection.EndBy(end_.get());
  return connection;
}

absl::StatusOr<hold::Reply> BuiltinHandler::CallHolder(
    const std::string& sandbox_id, const hold::Request& request,
    absl::Duration time) {
  ASSIGN_OR_RETURN(Connection connection, OpenHolder(sandbox_id));
  const activity::Step step(StepOf(request.type), connection.peer());
  return connection.Call(request, absl::Now() + time);
}

absl::StatusOr<UniqueFd> BuiltinHandler::NetworkNamespace(
    const std::string& sandbox_id) {
  ASSIGN_OR_RETURN(Connection connection, OpenHolder(sandbox_id));
  const activity::Step step(kHolderWait, connection.peer());
  RETURN_IF_ERROR(connection.Send({.type = hold::RequestType::kNetwork}));
  // The holder hands its own over: no pid that could be another's by now.
  std::vector<UniqueFd> fds;
  RETURN_IF_ERROR(connection.Receive(absl::Now() + kAnswerTime, &fds).status());
  if (fds.size() != 1) {
    return absl::InternalError(
        absl::StrCat("sandbox ", sandbox_id, ": no network namespace came"));
  }
  return std::move(fds[0]);
}

absl::StatusOr<ContainerState> BuiltinHandler::CreateContainer(
    const ContainerOptions& options) {
  const std::string context = absl::StrCat("create container ", options.id);
  if (!state::IsValidId(options.id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("container \"", options.id, "\": not a valid id"));
  }
  ASSIGN_OR_RETURN(Connection connection, OpenHolder(options.sandbox_id));
  ASSIGN_OR_RETURN(state::SandboxRecord sandbox,
                   ReadSandbox(options.sandbox_id));
  if (!sandbox.slice.empty()) {
    RETURN_IF_ERROR(
        Annotate(Anchor(options.sandbox_id, sandbox.slice), context));
  }
  absl::StatusOr<state::ContainerPlan> plan =
      MakePlan(options, std::move(sandbox.runtime));
  if (!plan.ok()) return Annotate(plan.status(), context);
  const std::string dir = PodDir(options.sandbox_id);
  ASSIGN_OR_RETURN(UniqueFd dir_fd, OpenFile(dir, O_RDONLY | O_DIRECTORY));
  const std::string name = absl::StrCat(options.id, ".plan");
  if (const int error =
          state::WriteRecord(dir_fd.get(), name.c_str(),
                             state::kContainerPlanKind, state::Encode(*plan))) {
    return ErrnoStatus(error, absl::StrCat(context, ": write ", name));
  }
  hold::Request request;
  request.type = hold::RequestType::kCreate;
  request.id = options.id;
  request.flags = plan->flags;
  request.log_path = plan->log_path;
  request.log_cap = options.log_cap;
  request.cgroups_path = plan->cgroups_path;
  const activity::Step step(StepOf(request.type), connection.peer());
  absl::StatusOr<hold::Reply> reply =
      connection.Call(request, absl::Now() + kSetupTime);
  if (reply.ok()) return ToContainerState(options.sandbox_id, reply->state);
  if (!absl::IsDeadlineExceeded(reply.status()) &&
      !absl::IsCancelled(reply.status()) &&
      !absl::IsUnavailable(reply.status())) {
    // Undo what the set-up left; if it still runs the plan has to stay.
    const absl::Status undone = RemoveContainer(options.sandbox_id, options.id);
    if (!undone.ok()) log::Warning("undo: ", undone.message());
  }
  return Annotate(reply.status(), context);
}

absl::StatusOr<ContainerState> BuiltinHandler::StartContainer(
    const std::string& sandbox_id, const std::string& id) {
  hold::Request request;
  request.type = hold::RequestType::kStart;
  request.id = id;
  absl::StatusOr<hold::Reply> reply =
      CallHolder(sandbox_id, request, kSetupTime);
  if (!reply.ok()) {
    return Annotate(reply.status(), absl::StrCat("start container ", id));
  }
  return ToContainerState(sandbox_id, reply->state);
}

absl::Status BuiltinHandler::KillContainer(const std::string& sandbox_id,
                                           const std::string& id, int signal,
                                           bool all) {
  hold::Request request;
  // With `all` the holder only says whether there is anything to kill: process
  // 1 must not get the signal twice.
  request.type = all ? hold::RequestType::kGet : hold::RequestType::kKill;
  request.id = id;
  request.value = signal;
  absl::StatusOr<hold::Reply> reply =
      CallHolder(sandbox_id, request, kAnswerTime);
  if (absl::IsNotFound(reply.status())) return absl::OkStatus();
  RETURN_IF_ERROR(reply.status());
  if (!all || reply->state.phase == state::Phase::kExited) {
    return absl::OkStatus();
  }
  absl::StatusOr<state::ContainerPlan> plan = ReadPlan(sandbox_id, id);
  if (!plan.ok()) {  // or it is set aside, as it could not be read before
    log::Warning(plan.status().message(), ": only process 1 gets the signal");
    return KillContainer(sandbox_id, id, signal, /*all=*/false);
  }
  int error = launch::KillCgroup(plan->cgroups_path, signal);
  if (error == 0 || error == ENOENT || error == ESRCH) return absl::OkStatus();
  return ErrnoStatus(error, absl::StrCat("kill all of container ", id));
}

// The daemon writes the cgroup's files itself: a holder has nothing to add, and
// stays small.
absl::Status BuiltinHandler::UpdateContainer(const std::string& sandbox_id,
                                             const std::string& id,
                                             const std::string& resources) {
  ASSIGN_OR_RETURN(state::ContainerPlan plan, ReadPlan(sandbox_id, id));
  ASSIGN_OR_RETURN(spec::Resources limits, spec::ParseResources(resources));
  ASSIGN_OR_RETURN(cgroup::Cgroup cgroup,
                   cgroup::Cgroup::At(plan.cgroups_path));
  return Annotate(cgroup.Update(limits), absl::StrCat("update container ", id));
}

absl::Status BuiltinHandler::RemoveContainer(const std::string& sandbox_id,
                                             const std::string& id) {
  if (!state::IsValidId(id)) return absl::OkStatus();  // unknown
  hold::Request request;
  request.type = hold::RequestType::kRemove;
  request.id = id;
  absl::StatusOr<hold::Reply> reply =
      CallHolder(sandbox_id, request, kRemoveTime);
  if (!reply.ok() && !absl::IsNotFound(reply.status())) {
    return Annotate(reply.status(), absl::StrCat("remove container ", id));
  }
  events_.ForgetContainer(sandbox_id, id);
  absl::StatusOr<state::ContainerPlan> plan = ReadPlan(sandbox_id, id);
  if (absl::IsNotFound(plan.status())) return absl::OkStatus();
  RETURN_IF_ERROR(plan.status());
  // The holder is dead, and the sweep after it could not do this.
  if (!reply.ok()) RETURN_IF_ERROR(Disown(plan->runtime, id, kRemoveTime));
  int error = launch::RemoveCgroups(plan->cgroups_path);
  if (error != 0) {
    return ErrnoStatus(error, absl::StrCat("remove cgroups of container ", id));
  }
  RETURN_IF_ERROR(RemoveTree(ContainerFile(sandbox_id, id, ".rec")));
  return RemoveTree(ContainerFile(sandbox_id, id, ".plan"));
}

absl::StatusOr<ContainerState> BuiltinHandler::GetContainer(
    const std::string& sandbox_id, const std::string& id) {
  hold::Request request;
  request.type = hold::RequestType::kGet;
  request.id = id;
  ASSIGN_OR_RETURN(hold::Reply reply,
                   CallHolder(sandbox_id, request, kAnswerTime));
  return ToContainerState(sandbox_id, reply.state);
}

absl::StatusOr<std::vector<ContainerState>> BuiltinHandler::ListContainers(
    const std::string& sandbox_id) {
  ASSIGN_OR_RETURN(Connection connection, OpenHolder(sandbox_id));
  RETURN_IF_ERROR(connection.Send({.type = hold::RequestType::kList}));
  std::vector<ContainerState> result;
  absl::Time deadline = absl::Now() + kAnswerTime;
  while (true) {
    ASSIGN_OR_RETURN(hold::Reply reply, connection.Receive(deadline));
    if (reply.type == hold::ReplyType::kEnd) return result;
    result.push_back(ToContainerState(sandbox_id, reply.state));
  }
}

absl::Status BuiltinHandler::ReopenLog(const std::string& sandbox_id,
                                       const std::string& id) {
  hold::Request request;
  request.type = hold::RequestType::kReopenLog;
  request.id = id;
  return CallHolder(sandbox_id, request, kAnswerTime).status();
}

}  // namespace runtime::handler

namespace runtime {

std::unique_ptr<Handler> MakeBuiltinHandler(const BuiltinOptions& options) {
  return std::make_unique<handler::BuiltinHandler>(options);
}

}  // namespace runtime
