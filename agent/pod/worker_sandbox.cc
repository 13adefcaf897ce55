// SPDX-License-Identifier: Apache-2.0
// The running state of a worker: volumes, sandbox, and which containers to
// start. Independent steps go side by side: volumes and images are prepared
// while the sandbox is being made.
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/pod/paths.h"
#include "agent/pod/termination_message.h"
#include "agent/pod/user_namespace.h"
#include "agent/pod/worker.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

namespace log = ::runtime::log;

constexpr size_t kKeptAttempts = 2;  // the newest, and one for `logs -p`

// Removes an attempt's log and what rotation made of it.
void RemoveLogs(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return;
  std::string dir = path.substr(0, slash), base = path.substr(slash + 1);
  auto names = runtime::ListDir(dir);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (name == base || absl::StartsWith(name, base + ".")) {
      unlink(absl::StrCat(dir, "/", name).c_str());
    }
  }
}

}  // namespace

void Worker::SyncRunning() {
  Actions actions = ComputeActions(*pod_, View());
  if (actions.finished) {
    // Nothing regular runs again; wait only for a start that is under way.
    if (!Busy()) BeginTermination();
    return;
  }
  if (actions.create_sandbox) MakeSandbox();
  PrepareVolumes();
  for (const Kill& kill : actions.kill) {
    auto attempts = facts_.Attempts(kill.container);
    if (attempts.empty()) continue;
    if (kill.replace) OpOf(kill.container).replaced_id = attempts[0]->id();
    StopContainer(*attempts[0], absl::Now() + status::SpecGrace(*pod_),
                  kill.message);
  }
  auto specs = status::Containers(*pod_);
  for (const std::string& name : actions.start) {
    for (const auto& spec : specs) {
      if (spec.name == name) Advance(spec);
    }
  }
  Retire();
}

void Worker::PrepareVolumes() {
  if (mounting_ || (mounted_ && !remount_)) return;
  if (absl::Now() < mount_retry_) return WakeAt(mount_retry_);
  mounting_ = true;
  remount_ = false;
  deps_->executor->Post([weak = weak_from_this(), deps = deps_, pod = pod_] {
    auto paths = deps->volumes->Mount(*pod);
    if (auto self = weak.lock()) {
      self->Post([paths = std::move(paths)](Worker& w) { w.OnMounted(paths); });
    }
  });
}

void Worker::OnMounted(absl::StatusOr<volume::HostPaths> paths) {
  mounting_ = false;
  absl::Time now = absl::Now();
  if (paths.ok()) {
    host_paths_ = *std::move(paths);
    mounted_ = true;
    mount_problem_.clear();
    mount_backoff_.Reset();
  } else {
    mount_backoff_.Next(now, now);
    mount_retry_ = now + mount_backoff_.delay();
    mount_problem_ = std::string(paths.status().message());
    remount_ = true;
    // The authorizer's graph lags the binding: the first refusals mean nothing.
    bool passing = absl::IsPermissionDenied(paths.status()) ||
                   absl::IsUnavailable(paths.status());
    if (!passing || mount_backoff_.delay() > absl::Seconds(1)) {
      Event("", status::EventType::kWarning, "FailedMount",
            std::string(paths.status().message()));
    } else {
      mount_retry_ = now + absl::Milliseconds(100);
    }
  }
  Sync();
}

absl::Status Worker::MakeDirs() {
  if (dirs_made_) return absl::OkStatus();
  RETURN_IF_ERROR(runtime::MakeDirs(PodDir(deps_->options, uid_), 0750));
  RETURN_IF_ERROR(runtime::MakeDirs(LogDir(deps_->options, *pod_), 0755));
  RETURN_IF_ERROR(deps_->cgroups->CreatePod(*pod_));
  dirs_made_ = true;
  return absl::OkStatus();
}

void Worker::EndSandbox(const std::string& id) {
  if (!stopping_sandboxes_.insert(id).second) return;
  deps_->cri->StopPodSandbox(id, [weak = weak_from_this(),
                                  id](absl::Status status) {
    if (auto self = weak.lock()) {
      self->Post([id, status](Worker& w) { w.OnSandboxStopped(id, status); });
    }
  });
}

// Pods in the node's own network start without: they may be what brings it up.
bool Worker::NetworkUp() {
  if (status::HostNetwork(*pod_)) return true;
  std::string problem = deps_->network_problem();
  if (problem.empty()) return true;
  Event("", status::EventType::kWarning, "NetworkNotReady",
        absl::StrCat("network is not ready: ", problem));
  sandbox_problem_ = absl::StrCat("the network is not ready: ", problem);
  sandbox_retry_ = absl::Now() + absl::Seconds(1);
  WakeAt(sandbox_retry_);
  return false;
}

void Worker::MakeSandbox() {
  if (sandbox_busy_) return;
  absl::Time now = absl::Now();
  if (now < sandbox_retry_) return WakeAt(sandbox_retry_);
  const auto* newest = facts_.newest_sandbox();
  if (newest != nullptr && newest->state() == v1::SANDBOX_READY) {
    // Up for the runtime but without its network: it has to go first.
    return EndSandbox(newest->id());
  }
  if (!NetworkUp()) return;
  if (HasUserNamespace(*pod_) && !deps_->user_namespaces()) {
    return SandboxFailed(absl::FailedPreconditionError(
        "hostUsers: false: the runtime has no user namespaces on this node"));
  }
  if (absl::Status made = MakeDirs(); !made.ok()) return SandboxFailed(made);
  uint32_t attempt = newest == nullptr ? 0 : newest->metadata().attempt() + 1;
  auto plan = PlanSandbox(deps_->options, *pod_, deps_->cgroups->PodPath(*pod_),
                          attempt);
  if (!plan.ok()) return SandboxFailed(plan.status());
  plan_ = *std::move(plan);
  if (!plan_->dns_warning.empty()) {
    Event("", status::EventType::kWarning, plan_->dns_warning_reason,
          plan_->dns_warning);
  }
  if (newest != nullptr) {
    Event("", status::EventType::kNormal, "SandboxChanged",
          "Pod sandbox changed, it will be killed and re-created.");
  }
  sandbox_busy_ = true;
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = plan_->config;
  request.set_runtime_handler(plan_->runtime_handler);
  deps_->cri->RunPodSandbox(
      std::move(request),
      [weak = weak_from_this()](
          absl::StatusOr<v1::RunPodSandboxResponse> response) {
        if (auto self = weak.lock()) {
          self->Post([response = std::move(response)](Worker& w) {
            w.OnSandbox(response);
          });
        }
      });
}

void Worker::OnSandbox(absl::StatusOr<v1::RunPodSandboxResponse> response) {
  if (!response.ok()) {
    sandbox_busy_ = false;
    SandboxFailed(response.status());
    return Sync();
  }
  deps_->cri->PodSandboxStatus(
      response->pod_sandbox_id(),
      [weak = weak_from_this()](absl::StatusOr<v1::PodSandboxStatus> status) {
        if (auto self = weak.lock()) {
          self->Post([status = std::move(status)](Worker& w) {
            w.OnSandboxStatus(status);
          });
        }
      });
}

void Worker::OnSandboxStatus(absl::StatusOr<v1::PodSandboxStatus> status) {
  sandbox_busy_ = false;
  if (status.ok()) {
    facts_.ObserveSandbox(*status);
    sandbox_backoff_.Reset();
  } else {
    SandboxFailed(status.status());
    Refresh();
  }
  Sync();
}

void Worker::SandboxFailed(const absl::Status& status) {
  absl::Time now = absl::Now();
  sandbox_backoff_.Next(now, now);
  sandbox_retry_ = now + sandbox_backoff_.delay();
  sandbox_problem_ = std::string(status.message());
  WakeAt(sandbox_retry_);
  if (state_ != State::kSync) return;
  Event("", status::EventType::kWarning, "FailedCreatePodSandBox",
        absl::StrCat("Failed to create pod sandbox: ", status.message()));
}

// Old attempts and sandboxes without containers are the runtime's ballast.
void Worker::Retire() {
  std::set<std::string> names;
  for (const ContainerFact* fact : facts_.All()) {
    names.insert(fact->cri.metadata().name());
  }
  auto weak = weak_from_this();
  for (const std::string& name : names) {
    auto attempts = facts_.Attempts(name);
    for (size_t i = kKeptAttempts; i < attempts.size(); ++i) {
      std::string id = attempts[i]->id();
      if (!attempts[i]->exited() || !removing_containers_.insert(id).second) {
        continue;
      }
      std::string log_path = attempts[i]->cri.log_path();
      std::string words = TerminationLog(attempts[i]->cri);
      if (!absl::StartsWith(words,
                            PodDir(deps_->options, uid_) + "/containers/")) {
        words.clear();  // a volume's
      }
      std::string link = LogLink(deps_->options, *pod_, name, id);
      deps_->cri->RemoveContainer(
          id, [weak, id, log_path, words, link](absl::Status status) {
            auto self = weak.lock();
            if (self == nullptr) return;
            self->Post([id, log_path, words, link, status](Worker& w) {
              w.removing_containers_.erase(id);
              if (!status.ok()) return;  // tried again with the next attempt
              w.facts_.ForgetContainer(id);
              RemoveLogs(log_path);
              if (!words.empty()) unlink(words.c_str());
              unlink(link.c_str());
            });
          });
    }
  }
  const auto& sandboxes = facts_.sandboxes();
  for (size_t i = 1; i < sandboxes.size(); ++i) {
    std::string id = sandboxes[i].id();
    bool used = false;
    for (const ContainerFact* fact : facts_.All())
      used |= fact->sandbox_id == id;
    if (used || !removing_sandboxes_.insert(id).second) continue;
    deps_->cri->RemovePodSandbox(id, [weak, id](absl::Status status) {
      if (auto self = weak.lock()) {
        self->Post([id, status](Worker& w) { w.OnSandboxRemoved(id, status); });
      }
    });
  }
}

}  // namespace agent::pod
