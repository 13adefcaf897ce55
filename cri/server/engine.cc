// SPDX-License-Identifier: Apache-2.0
#include "cri/server/engine.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cri/container/capability.h"
#include "cri/sandbox/pod_network.h"
#include "cri/server/image_use.h"
#include "cri/server/make_network.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/caps/caps.h"
#include "runtime/handler/builtin.h"
#include "runtime/systemd/units.h"

namespace cri::server {
namespace {

namespace v1 = ::runtime::v1;

// So many plugins may hang before others wait for them.
constexpr int kSweepThreads = 16;

// Ours alone: what is below must not be reached by other users of the host
// (CVE-2021-41103), whatever the modes further down.
absl::Status MakePrivateDir(const std::string& path) {
  RETURN_IF_ERROR(runtime::MakeDirs(path, 0700));
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return runtime::ErrnoStatus(path);
  if (info.st_uid != geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, " belongs to uid ", info.st_uid));
  }
  if ((info.st_mode & 077) != 0 && chmod(path.c_str(), 0700) != 0) {
    return runtime::ErrnoStatus("chmod " + path);
  }
  return absl::OkStatus();
}

absl::Status CheckCgroupDriver(const config::Config& config) {
  if (config.cgroup_driver != "systemd") return absl::OkStatus();
  return runtime::Annotate(runtime::systemd::CheckReachable(), "cgroup_driver");
}

absl::Status FillDefaults(ServerOptions& options) {
  const config::Config& config = options.config;
  if (options.network == nullptr) options.network = MakeNetwork(config);
  if (options.images == nullptr) {
    ASSIGN_OR_RETURN(options.images, image::OpenImageStore(StoreOf(config)));
  }
  if (options.handler == nullptr) {
    runtime::BuiltinOptions builtin;
    builtin.state_dir = config.state;
    builtin.launcher_binary = config::LauncherPath(config);
    builtin.data_dir = config.root;
    options.handler = runtime::MakeBuiltinHandler(builtin);
  }
  return absl::OkStatus();
}

// Every handler by its name, and what pods that name none get.
std::map<std::string, runtime::OciRuntime> RuntimesOf(
    const config::Config& config) {
  std::map<std::string, runtime::OciRuntime> runtimes;
  for (const auto& [name, handler] : config.handlers) {
    runtime::OciRuntime& one = runtimes[name];
    one.path = handler.path;
    one.root = handler.root;
    one.args = handler.args;
    if (one.root.empty() && !one.path.empty()) {
      one.root = absl::StrCat(config.state, "/handlers/", name);
    }
  }
  if (!config.default_handler.empty()) {
    runtimes[""] = runtimes[config.default_handler];
  }
  return runtimes;
}

// What containers do not get here is said once, not for every container.
void TellWhatIsCut() {
  const std::vector<std::string> missing =
      container::MissingCapabilities(runtime::caps::Permitted());
  if (missing.empty()) return;
  const std::string names = absl::StrJoin(missing, ", ");
  runtime::log::Warning("this process lacks ", names,
                        ": containers start without");
  if (absl::StrContains(names, "CAP_SYS_RESOURCE")) {
    runtime::log::Warning(
        "without CAP_SYS_RESOURCE hard resource limits stay at or below this "
        "process's own and an oom_score_adj below its own is not set");
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(ServerOptions options) {
  RETURN_IF_ERROR(MakePrivateDir(options.config.root));
  RETURN_IF_ERROR(MakePrivateDir(options.config.state));
  RETURN_IF_ERROR(CheckCgroupDriver(options.config));
  RETURN_IF_ERROR(FillDefaults(options));
  TellWhatIsCut();
  auto engine = std::make_unique<Engine>();
  Engine* self = engine.get();
  {
    absl::MutexLock lock(&self->config_mutex_);
    self->config_ = std::make_shared<const config::Config>(options.config);
  }
  self->network = std::move(options.network);
  self->images = std::move(options.images);
  self->handler = std::move(options.handler);
  self->executor = std::make_unique<runtime::Executor>(
      "cri", static_cast<int>(options.config.max_threads));
  self->sweeper =
      std::make_unique<runtime::Executor>("cri-sweep", kSweepThreads);

  self->network->SetListener([](const network::Readiness& now) {
    if (now.ready) {
      runtime::log::Info("the pod network is ready");
    } else {
      runtime::log::Warning("the pod network is not ready: ", now.message);
    }
  });
  self->trash = std::make_unique<runtime::Trash>(options.config.root + "/trash",
                                                 self->executor.get());
  self->commits =
      std::make_unique<sandbox::RecordCommits>(self->executor.get());
  self->MakeSampler();
  self->MakeSandboxes(options.config);
  self->MakeContainers(options.config);
  self->MakeCheckpoints(options.config);
  self->MakeUnfinishedStops();
  self->Apply(options.config);
  RETURN_IF_ERROR(self->Recover());
  RETURN_IF_ERROR(self->StartStreams());
  return engine;
}

void Engine::MakeSandboxes(const config::Config& config) {
  sandbox::SandboxesOptions options;
  options.root = config.root;
  options.shm_bytes = config.shm_bytes;
  options.systemd_cgroups = config.cgroup_driver == "systemd";
  options.executor = executor.get();
  options.sweeper = sweeper.get();
  options.handler = handler.get();
  options.network = network.get();
  options.trash = trash.get();
  options.commits = commits.get();
  options.notify = [this](const sandbox::SandboxPtr& sandbox,
                          v1::ContainerEventType type) {
    PublishEvent(*sandbox, sandbox->id, type);
  };
  sandboxes = std::make_unique<sandbox::Sandboxes>(options);
}

void Engine::MakeContainers(const config::Config& config) {
  container::ContainersOptions options;
  options.root = config.root;
  options.executor = executor.get();
  options.sweeper = sweeper.get();
  options.handler = handler.get();
  options.images = images.get();
  options.sandboxes = sandboxes.get();
  options.trash = trash.get();
  options.commits = commits.get();
  options.cdi = &cdi;
  options.pod_annotations = [this](const std::string& handler_name) {
    const auto current = Config();
    const auto* found = config::FindHandler(*current, handler_name);
    return found == nullptr ? std::vector<std::string>() : found->annotations;
  };
  options.log_cap = [this] { return Config()->container_log_hard_cap; };
  options.notify = [this](const container::ContainerPtr& container,
                          v1::ContainerEventType type) {
    PublishEvent(*container->sandbox, container->id, type);
  };
  containers = std::make_unique<container::Containers>(options);
}

void Engine::MakeCheckpoints(const config::Config& config) {
  checkpoint::CheckpointsOptions options;
  options.root = config.root;
  options.handler = handler.get();
  options.images = images.get();
  options.containers = containers.get();
  options.trash = trash.get();
  checkpoints = std::make_unique<checkpoint::Checkpoints>(options);
}

absl::Status Engine::StartStreams() {
  const auto config = Config();
  stream::ServerOptions options;
  options.address = config->stream_address;
  options.port = static_cast<int>(config->stream_port);
  options.cert_file = config->stream_tls_cert_file;
  options.key_file = config->stream_tls_key_file;
  // Checked when the configuration was read.
  absl::ParseDuration(config->stream_idle_timeout, &options.timeouts.idle);
  absl::ParseDuration(config->stream_creation_timeout,
                      &options.timeouts.creation);
  options.executor = executor.get();
  ASSIGN_OR_RETURN(streams, stream::Server::Start(options));
  return absl::OkStatus();
}

void Engine::MakeSampler() {
  stats::SamplerOptions options;
  options.root = Config()->root;
  options.mountpoint = images->Usage().mountpoint;
  options.executor = executor.get();
  absl::StatusOr<runtime::cgroup::Layout> layout = runtime::cgroup::Detect();
  if (layout.ok()) {
    options.layout = *std::move(layout);
  } else {
    runtime::log::Warning("stats stay empty: ", layout.status().message());
  }
  options.exists = [this](const std::string& id) {
    return containers->Find(id).ok() || sandboxes->Find(id).ok();
  };
  sampler = std::make_unique<stats::Sampler>(std::move(options));
}

Engine::~Engine() {
  // Of a start that failed; else it has been called.
  if (unfinished_stops != nullptr) EndWaits();
  if (handler != nullptr) handler->EndWaits();
  if (streams != nullptr) streams->Stop();
  // What is swept needs the rooms, and the handler's news, to its end.
  if (network != nullptr) network->Stop();
  if (sweeper != nullptr) sweeper->Stop();
  checkpoints.reset();  // its jobs post to the executor
  absl::MutexLock lock(&gate_->mutex);
  gate_->open = false;
}

void Engine::EndWaits() {
  unfinished_stops->End();
  containers->EndWaits();
}

std::shared_ptr<const config::Config> Engine::Config() const {
  absl::MutexLock lock(&config_mutex_);
  return config_;
}

// Everything that holds a live key of the configuration gets it here.
void Engine::Apply(const config::Config& config) {
  runtime::log::SetLevel(config::LogLevel(config));
  cdi.Configure(config.cdi_spec_dirs);
  handler->SetRuntimes(RuntimesOf(config));
  images->Configure(StoreOf(config));
}

absl::StatusOr<std::string> Engine::Reload(
    absl::StatusOr<config::Config> fresh) {
  absl::MutexLock lock(&config_mutex_);
  ++reloads_.count;
  reloads_.ok = fresh.ok();
  if (!fresh.ok()) {
    reloads_.text =
        absl::StrCat("nothing taken over: ", fresh.status().message());
    return absl::Status(fresh.status().code(), reloads_.text);
  }
  const auto live = config::Changed(*config_, *fresh, config::Reload::kLive);
  const auto rest = config::Changed(*config_, *fresh, config::Reload::kRestart);
  config_ =
      std::make_shared<const config::Config>(config::Merged(*config_, *fresh));
  Apply(*config_);
  images->SetBudget(BudgetOf(*config_));
  reloads_.text = live.empty()
                      ? "nothing to take over"
                      : absl::StrCat("taken over: ", absl::StrJoin(live, ", "));
  if (!rest.empty()) {
    absl::StrAppend(&reloads_.text, "; changed, but needs a restart: ",
                    absl::StrJoin(rest, ", "));
  }
  return reloads_.text;
}

Engine::Reloads Engine::GetReloads() const {
  absl::MutexLock lock(&config_mutex_);
  return reloads_;
}

void Engine::OnState(const runtime::ContainerState& state) {
  if (state.id.empty()) {
    sandboxes->OnDeath(state.sandbox_id);
  } else {
    containers->OnState(state);
  }
}

absl::Status Engine::Recover() {
  absl::Time begin = absl::Now();
  RETURN_IF_ERROR(trash->Open());
  RETURN_IF_ERROR(checkpoints->Recover());
  ASSIGN_OR_RETURN(std::vector<runtime::SandboxState> living,
                   handler->Recover());
  RETURN_IF_ERROR(sandboxes->Recover(living));
  // From here on changes are told; what happened before, Containers asks for.
  handler->SetListener(
      [this, gate = gate_](const runtime::ContainerState& state) {
        absl::ReaderMutexLock lock(&gate->mutex);
        if (gate->open) OnState(state);
      });
  RETURN_IF_ERROR(containers->Recover());
  images->SetBudget(BudgetOf(*Config()));  // now that all is held again
  runtime::log::Info("recovered ", sandboxes->List().size(), " sandboxes (",
                     living.size(), " alive) and ", containers->List().size(),
                     " containers in ",
                     absl::FormatDuration(absl::Now() - begin));
  sandboxes->Sweep();
  FinishStops();
  return absl::OkStatus();
}

// What was being stopped when the daemon ended, or whose holder died with the
// machine, gives back its addresses now and not only when somebody asks again.
void Engine::FinishStops() {
  for (const sandbox::SandboxPtr& sandbox : sandboxes->List()) {
    if (sandbox->IsReady() || sandbox->IsStopped()) continue;
    unfinished_stops->Add(sandbox);
  }
}

void Engine::MakeUnfinishedStops() {
  UnfinishedStops::Options options;
  options.executor = sweeper.get();
  options.stop = [this](const sandbox::SandboxPtr& sandbox) {
    return StopSandbox(sandbox, absl::InfiniteFuture());
  };
  unfinished_stops = std::make_unique<UnfinishedStops>(std::move(options));
}

absl::Status Engine::StopSandbox(const sandbox::SandboxPtr& sandbox,
                                 absl::Time deadline) {
  return stops.Do(
      "StopPodSandbox " + sandbox->id, deadline, [&]() -> absl::Status {
        const bool has_network =
            !sandbox->HostNetwork() && !sandbox->IsTornDown();
        if (has_network) network->Expect(sandbox::PodNetworkOf(*sandbox));
        {
          const runtime::activity::Step step(
              "waits for what is done to its containers");
          if (!sandbox->Close(deadline)) {
            network->PutOff(sandbox->id);
            return absl::DeadlineExceededError(
                absl::StrCat("sandbox ", sandbox->id,
                             ": what is done to its containers has not ended"));
          }
        }
        absl::Status stopped = containers->KillAll(sandbox, deadline);
        if (stopped.ok()) stopped = sandboxes->TearDown(sandbox);
        network->PutOff(sandbox->id);
        return stopped;
      });
}

absl::Status Engine::RemoveSandbox(const sandbox::SandboxPtr& sandbox,
                                   absl::Time deadline) {
  return removes.Do(
      "RemovePodSandbox " + sandbox->id, deadline, [&]() -> absl::Status {
        const absl::Status stopped = StopSandbox(sandbox, deadline);
        // If only its record could not be written: that goes, too.
        if (!stopped.ok() && !sandbox->IsTornDown()) return stopped;
        for (const auto& container : containers->ListOf(*sandbox)) {
          RETURN_IF_ERROR(containers->Remove(container, deadline));
        }
        return sandboxes->Remove(sandbox);
      });
}

void Engine::PublishEvent(const sandbox::Sandbox& sandbox,
                          const std::string& id, v1::ContainerEventType type) {
  if (type == v1::CONTAINER_DELETED_EVENT) sampler->Forget(id, sandbox.id);
  if (!events.HasSubscribers()) return;
  events.Publish([&](absl::Time now) {
    auto event = std::make_shared<v1::ContainerEventResponse>();
    event->set_container_id(id);
    event->set_container_event_type(type);
    event->set_created_at(absl::ToUnixNanos(now));
    *event->mutable_pod_sandbox_status() = sandbox::ToStatus(sandbox);
    for (const auto& container : containers->ListOf(sandbox)) {
      *event->add_containers_statuses() = container::ToStatus(*container);
    }
    return event;
  });
}

}  // namespace cri::server
