// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/sandboxes.h"

#include "absl/strings/str_cat.h"
#include "cri/sandbox/pod_files.h"
#include "cri/sandbox/pod_network.h"
#include "cri/sandbox/record_file.h"
#include "cri/sandbox/sysctl.h"
#include "cri/sandbox/user_namespace.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::sandbox {
namespace {

namespace v1 = ::runtime::v1;

// Who a pod is.
std::string KeyOf(const v1::PodSandboxMetadata& metadata) {
  return absl::StrCat(metadata.namespace_(), "/", metadata.name(), " (uid ",
                      metadata.uid(), ", attempt ", metadata.attempt(), ")");
}

bool SameMetadata(const v1::PodSandboxMetadata& a,
                  const v1::PodSandboxMetadata& b) {
  return a.uid() == b.uid() && a.attempt() == b.attempt() &&
         a.name() == b.name() && a.namespace_() == b.namespace_();
}

// The namespace as other processes of the node find it while the holder lives.
std::string NetnsPath(int holder_pid) {
  return absl::StrCat("/proc/", holder_pid, "/ns/net");
}

// A step of an undo: failing is news for the log, not for a caller.
void LogFailure(const std::string& id, const absl::Status& status) {
  if (!status.ok()) {
    runtime::log::Error("sandbox ", id, ": cannot undo: ", status.message());
  }
}

}  // namespace

Sandboxes::Sandboxes(SandboxesOptions options)
    : options_(std::move(options)),
      records_dir_(options_.root + "/sandboxes") {}

std::string Sandboxes::MarkDir(const std::string& id) const {
  return absl::StrCat(records_dir_, "/", id);
}

std::string Sandboxes::RecordPath(const std::string& id) const {
  return absl::StrCat(records_dir_, "/", id, ".json");
}

absl::Status Sandboxes::Save(const Sandbox& sandbox) const {
  return WriteRecord(RecordPath(sandbox.id), sandbox.ToRecord(),
                     options_.commits);
}

void Sandboxes::Notify(const SandboxPtr& sandbox, v1::ContainerEventType type) {
  sandbox->queue.Post(
      [this, sandbox, type] { options_.notify(sandbox, type); });
}

void Sandboxes::NotifyStopped(const SandboxPtr& sandbox) {
  if (sandbox->TakeStopNews()) Notify(sandbox, v1::CONTAINER_STOPPED_EVENT);
}

std::vector<std::string> Sandboxes::GroupsOf(const Sandbox& sandbox) {
  return {KeyOf(sandbox.config.metadata()), sandbox.cgroup_parent};
}

bool Sandboxes::SharesCgroup(const Sandbox& sandbox) const {
  if (sandbox.cgroup_parent == kDefaultCgroupParent ||
      sandbox.slice == kDefaultSlice) {
    return true;
  }
  return registry_.AnyOfGroup(
      sandbox.cgroup_parent, [&sandbox](const Sandbox& other) {
        return other.id != sandbox.id && other.IsReady() &&
               other.cgroup_parent == sandbox.cgroup_parent;
      });
}

SandboxPtr Sandboxes::FindReady(const v1::PodSandboxMetadata& metadata) const {
  for (SandboxPtr& sandbox : registry_.ListGroup(KeyOf(metadata))) {
    if (sandbox->IsReady() &&
        SameMetadata(sandbox->config.metadata(), metadata)) {
      return std::move(sandbox);
    }
  }
  return nullptr;
}

absl::Status Sandboxes::CheckHandler(const v1::NamespaceOption& namespaces,
                                     const std::string& handler) const {
  if (IdMapsOf(namespaces).empty()) return absl::OkStatus();
  const runtime::HandlerFeatures features = options_.handler->Features(handler);
  if (features.user_namespaces) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("namespace_options.userns_options: there are no user "
                   "namespaces for pods here: ",
                   features.no_user_namespaces));
}

absl::StatusOr<SandboxPtr> Sandboxes::Run(const v1::PodSandboxConfig& config,
                                          const std::string& runtime_handler,
                                          absl::Time deadline,
                                          absl::FunctionRef<bool()> given_up) {
  // Before it may join: what is wrong does not get somebody else's sandbox.
  RETURN_IF_ERROR(CheckConfig(config));
  ASSIGN_OR_RETURN(
      const PodCgroup cgroup,
      PodCgroupOf(config.linux().cgroup_parent(), options_.systemd_cgroups));
  const v1::NamespaceOption& namespaces =
      config.linux().security_context().namespace_options();
  ASSIGN_OR_RETURN(Sysctls sysctls,
                   ValidateSysctls(config.linux().sysctls(),
                                   namespaces.network() == v1::NODE,
                                   namespaces.ipc() == v1::NODE));
  RETURN_IF_ERROR(CheckHandler(namespaces, runtime_handler));
  const std::string key = "RunPodSandbox of " + KeyOf(config.metadata());
  auto unwanted = [&] { return given_up() && !runs_.IsAwaited(key); };
  auto run = [&]() -> absl::StatusOr<SandboxPtr> {
    SandboxPtr ready = FindReady(config.metadata());
    if (ready != nullptr) return ready;
    return Make(config, runtime_handler, cgroup, sysctls, unwanted);
  };
  while (true) {
    absl::StatusOr<SandboxPtr> result = runs_.Do(key, deadline, run);
    if (!result.ok() || *result != nullptr) return result;
    if (given_up()) return absl::CancelledError("the client is gone");
    // It joined one whose caller had given up: now it makes its own.
  }
}

absl::StatusOr<SandboxPtr> Sandboxes::Make(const v1::PodSandboxConfig& config,
                                           const std::string& runtime_handler,
                                           const PodCgroup& cgroup,
                                           const Sysctls& sysctls,
                                           absl::FunctionRef<bool()> unwanted) {
  const runtime::activity::Step step("making the sandbox");
  auto sandbox = std::make_shared<Sandbox>(options_.executor);
  sandbox->id = NewId();
  sandbox->config = config;
  sandbox->runtime_handler = runtime_handler;
  sandbox->cgroup_parent = cgroup.path;
  sandbox->slice = cgroup.slice;
  sandbox->created_at = absl::Now();
  absl::Status built = Build(*sandbox, sysctls);
  const bool is_unwanted = built.ok() && unwanted();
  if (!built.ok() || is_unwanted) {
    const absl::Status undone = Undo(*sandbox);
    if (!undone.ok()) {
      LogFailure(sandbox->id, undone);
      Keep(sandbox);
    }
    if (is_unwanted) return SandboxPtr();
    return built;
  }
  registry_.Add(sandbox);
  Notify(sandbox, v1::CONTAINER_CREATED_EVENT);
  Notify(sandbox, v1::CONTAINER_STARTED_EVENT);
  return sandbox;
}

absl::Status Sandboxes::Build(Sandbox& sandbox, const Sysctls& sysctls) {
  const v1::NamespaceOption& namespaces = sandbox.Namespaces();
  // The directory comes first: it tells a restart that there may be a half.
  RETURN_IF_ERROR(runtime::MakeDirs(MarkDir(sandbox.id), 0700));
  runtime::SandboxOptions start;
  start.id = sandbox.id;
  start.handler = sandbox.runtime_handler;
  start.hostname = HostnameFor(sandbox.config, sandbox.id);
  start.host_network = sandbox.HostNetwork();
  start.host_ipc = namespaces.ipc() == v1::NODE;
  start.host_pid = namespaces.pid() == v1::NODE;
  start.share_pid = namespaces.pid() == v1::POD;
  start.cgroup_parent = sandbox.cgroup_parent;
  start.slice = sandbox.slice;
  start.sysctls = sysctls;
  start.shm_bytes = options_.shm_bytes;
  start.id_maps = IdMapsOf(namespaces);
  ASSIGN_OR_RETURN(runtime::SandboxState state,
                   options_.handler->StartSandbox(start));
  sandbox.holder_pid = state.holder_pid;
  sandbox.pause_pid = state.pause_pid;
  sandbox.shm_dir = state.shm_dir;
  sandbox.files_dir = state.files_dir;
  RETURN_IF_ERROR(Connect(sandbox));
  RETURN_IF_ERROR(WritePodFiles(sandbox.files_dir, start.hostname,
                                sandbox.HostNetwork(),
                                sandbox.config.dns_config(), sandbox.ips));
  return Save(sandbox);
}

absl::Status Sandboxes::Connect(Sandbox& sandbox) {
  if (sandbox.HostNetwork()) return absl::OkStatus();
  ASSIGN_OR_RETURN(runtime::UniqueFd netns,
                   options_.handler->NetworkNamespace(sandbox.id));
  network::PodNetwork pod = PodNetworkOf(sandbox);
  pod.netns_fd = netns.get();
  pod.netns_path = NetnsPath(sandbox.holder_pid);
  ASSIGN_OR_RETURN(network::PodAddresses addresses,
                   options_.network->Setup(pod));
  sandbox.ips = std::move(addresses.ips);
  return absl::OkStatus();
}

absl::Status Sandboxes::Disconnect(network::PodNetwork pod, int holder_pid) {
  // Fails if the holder is dead, and then the namespace is gone with it.
  absl::StatusOr<runtime::UniqueFd> netns =
      options_.handler->NetworkNamespace(pod.sandbox_id);
  if (netns.ok()) {
    pod.netns_fd = netns->get();
    pod.netns_path = NetnsPath(holder_pid);
  }
  return options_.network->Teardown(pod);
}

absl::Status Sandboxes::Undo(const Sandbox& sandbox) {
  RETURN_IF_ERROR(Disconnect(PodNetworkOf(sandbox), sandbox.holder_pid));
  RETURN_IF_ERROR(options_.handler->RemoveSandbox(sandbox.id));
  RETURN_IF_ERROR(RemoveRecord(RecordPath(sandbox.id)));
  return options_.trash->Take(MarkDir(sandbox.id));
}

void Sandboxes::Keep(const SandboxPtr& sandbox) {
  sandbox->Close();
  // Without a record the mark makes a restart undo it.
  LogFailure(sandbox->id, Save(*sandbox));
  registry_.Add(sandbox);
  Notify(sandbox, v1::CONTAINER_CREATED_EVENT);
}

absl::Status Sandboxes::ChangeLimits(
    const SandboxPtr& sandbox,
    absl::FunctionRef<void(Sandbox::Limits&)> change) {
  // While it is in use it is not torn down, which writes the record too.
  ASSIGN_OR_RETURN(Sandbox::Use use, sandbox->Enter());
  absl::Status saved;
  sandbox->queue.Run([&] {
    Sandbox::Limits old = sandbox->GetLimits();
    Sandbox::Limits limits = old;
    change(limits);
    sandbox->SetLimits(std::move(limits));
    saved = Save(*sandbox);
    if (!saved.ok()) sandbox->SetLimits(std::move(old));
  });
  return saved;
}

absl::Status Sandboxes::TearDown(const SandboxPtr& sandbox) {
  if (sandbox->IsStopped()) return absl::OkStatus();
  if (!sandbox->IsTornDown()) RETURN_IF_ERROR(GiveBack(sandbox));
  absl::Status saved;
  bool is_there = false;  // or a removal did not wait for this
  sandbox->queue.Run([&] {
    is_there = registry_.Find(sandbox->id).ok();
    if (is_there) saved = Save(*sandbox);
  });
  // It is down, whether that could be written or not.
  if (is_there) NotifyStopped(sandbox);
  RETURN_IF_ERROR(saved);
  sandbox->SetStopped();
  return absl::OkStatus();
}

absl::Status Sandboxes::GiveBack(const SandboxPtr& sandbox) {
  const runtime::activity::Step step("giving back the sandbox's network");
  // On disk it is NOTREADY before it loses anything.
  RETURN_IF_ERROR(Save(*sandbox));
  // The network goes first: CNI plugins undo their work inside the namespace.
  if (!sandbox->HostNetwork()) {
    RETURN_IF_ERROR(Disconnect(PodNetworkOf(*sandbox), sandbox->holder_pid));
  }
  RETURN_IF_ERROR(options_.handler->RemoveSandbox(sandbox->id));
  sandbox->SetTornDown();
  return absl::OkStatus();
}

absl::Status Sandboxes::Remove(const SandboxPtr& sandbox) {
  RETURN_IF_ERROR(options_.trash->Take(MarkDir(sandbox->id)));
  absl::Status removed;
  sandbox->queue.Run([&] {
    removed = RemoveRecord(RecordPath(sandbox->id));
    if (removed.ok()) registry_.Remove(sandbox->id);
  });
  RETURN_IF_ERROR(removed);
  Notify(sandbox, v1::CONTAINER_DELETED_EVENT);
  return absl::OkStatus();
}

void Sandboxes::OnDeath(const std::string& id) {
  absl::StatusOr<SandboxPtr> found = registry_.Find(id);
  if (!found.ok() || !(*found)->MarkDead()) return;
  NotifyStopped(*found);
}

}  // namespace cri::sandbox
