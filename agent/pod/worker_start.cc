// SPDX-License-Identifier: Apache-2.0
// One container's way to its next attempt: back-off, image, config, create,
// start, postStart.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/pod/container_config.h"
#include "agent/pod/container_files.h"
#include "agent/pod/labels.h"
#include "agent/pod/paths.h"
#include "agent/pod/termination_message.h"
#include "agent/pod/worker.h"
#include "agent/probe/hook.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"

namespace agent::pod {
namespace {

namespace log = ::runtime::log;
using status::EventType;

env::PodAddresses Addresses(const v1::PodSandboxStatus& sandbox,
                            const Json& pod,
                            const std::vector<std::string>& host_ips) {
  env::PodAddresses out;
  out.host_ips = host_ips;
  if (status::HostNetwork(pod)) {
    out.pod_ips = host_ips;
    return out;
  }
  if (!sandbox.network().ip().empty()) {
    out.pod_ips.push_back(sandbox.network().ip());
  }
  for (const auto& more : sandbox.network().additional_ips()) {
    out.pod_ips.push_back(more.ip());
  }
  return out;
}

// For log shippers, which find pods by the names of links.
void LinkLog(const std::string& log_path, const std::string& link) {
  if (log_path.empty() || symlink(log_path.c_str(), link.c_str()) == 0 ||
      errno == EEXIST) {
    return;
  }
  log::Debug("log link ", link, " not made");
}

}  // namespace

void Worker::Advance(const status::ContainerSpec& spec) {
  Op& op = OpOf(spec.name);
  absl::Time now = absl::Now();
  if (op.stage == Stage::kReady) return Create(spec, op);
  if (op.stage != Stage::kIdle) return;
  if (now < op.retry_at) return WakeAt(op.retry_at);
  auto attempts = facts_.Attempts(spec.name);
  if (!attempts.empty()) {
    const ContainerFact& newest = *attempts.front();
    if (stops_.contains(newest.id())) return;  // its end comes first
    // Made, but the agent ended before it was started: go on with it.
    if (newest.cri.state() == v1::CONTAINER_CREATED &&
        facts_.IsReady(newest.sandbox_id)) {
      op.stage = Stage::kStart;
      return StartCreated(spec.name, newest.id());
    }
    if (newest.exited() && InCrashBackoff(spec, op)) return;
  }
  EnsureImage(spec, op);
}

// True if the container has to wait after its last end. The first restart is
// immediate, each further one waits twice as long.
bool Worker::InCrashBackoff(const status::ContainerSpec& spec, Op& op) {
  const ContainerFact& ended = *facts_.Attempts(spec.name).front();
  if (op.passed_id == ended.id()) return false;
  std::string image = runtime::StringAt(*spec.json, "image");
  if (op.crash_image != image) {
    op.crash.Reset();
    op.crash_image = image;
  }
  absl::Time now = absl::Now();
  absl::Time finished = ended.cri.finished_at() > 0
                            ? absl::FromUnixNanos(ended.cri.finished_at())
                            : now;
  absl::Time retry_at = op.crash.RetryAt(finished, now);
  if (retry_at > now && op.replaced_id != ended.id()) {
    std::string who = absl::StrCat(status::Describe(*pod_));
    if (op.reason != "CrashLoopBackOff") {
      Event(spec.name, EventType::kWarning, "BackOff",
            absl::StrCat("Back-off restarting failed container ", spec.name,
                         " in pod ", who));
    }
    op.reason = "CrashLoopBackOff";
    op.message =
        absl::StrCat("back-off ", absl::FormatDuration(op.crash.delay()),
                     " restarting failed container=", spec.name, " pod=", who);
    op.crash_until = retry_at;
    WakeAt(retry_at);
    return true;
  }
  op.crash.Next(finished, now);
  op.passed_id = ended.id();
  return false;
}

ContainerPlan Worker::PlanContainer(const status::ContainerSpec& spec,
                                    const v1::Image& image,
                                    const v1::PodSandboxStatus& sandbox) {
  ContainerPlan plan;
  plan.options = &deps_->options;
  plan.objects = deps_->objects;
  plan.volumes = deps_->volumes;
  plan.memory_capacity = deps_->memory_capacity;
  plan.pod = pod_.get();
  plan.spec = spec;
  plan.image = image;
  plan.addresses = Addresses(sandbox, *pod_, deps_->options.node.host_ips);
  plan.host_paths = host_paths_;
  plan.volume_images = OpOf(spec.name).volume_images;
  plan.attempt = NextAttempt(spec.name);
  for (const ContainerFact* fact : facts_.All()) {
    if (!fact->exited()) {
      plan.held_words.insert(WordsOf(TerminationLog(fact->cri)));
    }
  }
  if (std::string target = runtime::StringAt(*spec.json, "targetContainerName");
      !target.empty()) {
    auto attempts = facts_.Attempts(target);
    if (!attempts.empty()) plan.target_id = attempts.front()->id();
  }
  return plan;
}

void Worker::Create(const status::ContainerSpec& spec, Op& op) {
  const auto* sandbox = facts_.newest_sandbox();
  if (!mounted_ || sandbox == nullptr || sandbox_busy_ ||
      sandbox->state() != v1::SANDBOX_READY) {
    return;
  }
  if (absl::Now() < op.retry_at) return WakeAt(op.retry_at);
  auto config =
      BuildContainerConfig(PlanContainer(spec, op.image.image, *sandbox));
  if (!config.ok()) return ConfigFailed(spec.name, config.status());
  if (!plan_.has_value()) {
    auto again =
        PlanSandbox(deps_->options, *pod_, deps_->cgroups->PodPath(*pod_),
                    sandbox->metadata().attempt());
    if (!again.ok()) {
      return Fail(spec.name, "CreateContainerConfigError",
                  std::string(again.status().message()));
    }
    plan_ = *std::move(again);
  }
  op.stage = Stage::kCreate;
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(sandbox->id());
  *request.mutable_config() = *config;
  *request.mutable_sandbox_config() = plan_->config;
  request.mutable_sandbox_config()->mutable_metadata()->set_attempt(
      sandbox->metadata().attempt());
  deps_->cri->CreateContainer(
      std::move(request),
      [weak = weak_from_this(), name = spec.name, id = sandbox->id(),
       config = *std::move(config)](
          absl::StatusOr<v1::CreateContainerResponse> response) {
        if (auto self = weak.lock()) {
          self->Post([name, id, config, response](Worker& w) {
            w.OnCreated(name, id, config, response);
          });
        }
      });
}

void Worker::ConfigFailed(const std::string& name, const absl::Status& why) {
  Op& op = OpOf(name);
  bool passing = absl::IsUnavailable(why) || absl::IsPermissionDenied(why);
  if (!passing || op.error.delay() >= absl::Seconds(2)) {
    return Fail(name, "CreateContainerConfigError", std::string(why.message()));
  }
  // Not worth a status: the API server's caches are catching up.
  op.error.Next(absl::Now(), absl::Now());
  op.retry_at = absl::Now() + absl::Milliseconds(100);
  WakeAt(op.retry_at);
}

void Worker::OnCreated(const std::string& name, const std::string& sandbox_id,
                       const v1::ContainerConfig& config,
                       absl::StatusOr<v1::CreateContainerResponse> response) {
  if (!response.ok()) {
    Fail(name, "CreateContainerError",
         std::string(response.status().message()));
    return Sync();
  }
  const std::string& id = response->container_id();
  v1::ContainerStatus made;
  made.set_id(id);
  *made.mutable_metadata() = config.metadata();
  *made.mutable_image() = config.image();
  *made.mutable_labels() = config.labels();
  *made.mutable_annotations() = config.annotations();
  *made.mutable_mounts() = config.mounts();
  made.set_state(v1::CONTAINER_CREATED);
  made.set_created_at(absl::ToUnixNanos(absl::Now()));
  facts_.ObserveContainer(made, sandbox_id);
  Event(name, EventType::kNormal, "Created",
        absl::StrCat("Created container: ", name));
  if (state_ != State::kSync) {
    OpOf(name).stage = Stage::kIdle;
    return Sync();
  }
  StartCreated(name, id);
}

void Worker::StartCreated(const std::string& name, const std::string& id) {
  OpOf(name).stage = Stage::kStart;
  if (ContainerFact* fact = facts_.Find(id)) {
    const Json& hook = runtime::At(status::FindContainer(*pod_, name),
                                   {"lifecycle", "postStart"});
    fact->hook_done = !hook.is_object();
  }
  deps_->cri->StartContainer(
      id, [weak = weak_from_this(), name, id](absl::Status status) {
        if (auto self = weak.lock()) {
          self->Post(
              [name, id, status](Worker& w) { w.OnStarted(name, id, status); });
        }
      });
}

void Worker::OnStarted(const std::string& name, const std::string& id,
                       absl::Status status) {
  Op& op = OpOf(name);
  if (status.ok()) {
    op.reason.clear();
    op.message.clear();
    op.error.Reset();
    op.retry_at = absl::InfinitePast();
    Event(name, EventType::kNormal, "Started",
          absl::StrCat("Started container ", name));
  } else {
    Fail(name, "RunContainerError", std::string(status.message()));
    op.stage = Stage::kStart;  // until its record has been read
    op.retry_at = absl::InfinitePast();
  }
  deps_->cri->ContainerStatus(
      id, [weak = weak_from_this(), name,
           id](absl::StatusOr<v1::ContainerStatus> found) {
        if (auto self = weak.lock()) {
          self->Post([name, id, found = std::move(found)](Worker& w) {
            w.OnRunning(name, id, found);
          });
        }
      });
}

void Worker::OnRunning(const std::string& name, const std::string& id,
                       absl::StatusOr<v1::ContainerStatus> status) {
  Op& op = OpOf(name);
  op.stage = Stage::kIdle;
  const auto* sandbox = facts_.newest_sandbox();
  if (status.ok()) {
    ContainerNews(*status, "");
  } else {
    Refresh();
  }
  ContainerFact* fact = facts_.Find(id);
  if (fact == nullptr || sandbox == nullptr) return Sync();
  if (fact->exited()) {
    // A failed start that is final is a termination, not a wait.
    for (const auto& spec : status::Containers(*pod_)) {
      if (spec.name == name &&
          !status::RestartsAfter(*pod_, spec, fact->cri.exit_code())) {
        op.reason.clear();
        op.message.clear();
      }
    }
  }
  if (fact->cri.state() == v1::CONTAINER_CREATED && !op.reason.empty()) {
    // The runtime kept it although it did not start: try again later.
    op.retry_at = absl::Now() + absl::Seconds(10);
    WakeAt(op.retry_at);
  }
  LinkLog(fact->cri.log_path(), LogLink(deps_->options, *pod_, name, id));
  if (fact->running() && !fact->hook_done && state_ == State::kSync) {
    op.stage = Stage::kHook;
    probe::RunHook(deps_->cri, deps_->net, deps_->executor, pod_, name,
                   "postStart", id, sandbox->network().ip(),
                   absl::InfiniteDuration(),
                   [weak = weak_from_this(), name, id](absl::Status result) {
                     if (auto self = weak.lock()) {
                       self->Post([name, id, result](Worker& w) {
                         w.OnPostStart(name, id, result);
                       });
                     }
                   });
  } else if (fact->running()) {
    StartProbes(name, *fact);
  }
  Sync();
}

void Worker::OnPostStart(const std::string& name, const std::string& id,
                         absl::Status status) {
  Op& op = OpOf(name);
  if (op.stage == Stage::kHook) op.stage = Stage::kIdle;
  ContainerFact* fact = facts_.Find(id);
  if (fact == nullptr) return Sync();
  fact->hook_done = true;
  if (status.ok()) {
    if (fact->running()) StartProbes(name, *fact);
    return Sync();
  }
  Event(name, EventType::kWarning, "FailedPostStartHook",
        absl::StrCat("PostStartHook failed: ", status.message()));
  op.reason = "PostStartHookError";
  op.message = std::string(status.message());
  if (fact->running()) {
    StopContainer(*fact, absl::Now() + status::SpecGrace(*pod_),
                  "FailedPostStartHook");
  }
  Sync();
}

// Ends this try; the next one comes by itself, or with a changed object.
void Worker::Fail(const std::string& name, const std::string& reason,
                  const std::string& message) {
  Op& op = OpOf(name);
  absl::Time now = absl::Now();
  op.stage = Stage::kIdle;
  op.reason = reason;
  op.message = message;
  op.error.Next(now, now);
  op.retry_at = now + op.error.delay();
  WakeAt(op.retry_at);
  if (state_ != State::kSync) return;
  Event(name, EventType::kWarning, "Failed", absl::StrCat("Error: ", message));
}

// One more than what the runtime or, after its records are gone, the log
// directory remembers.
uint32_t Worker::NextAttempt(const std::string& name) {
  int64_t highest = -1;
  for (const ContainerFact* fact : facts_.Attempts(name)) {
    int64_t count = fact->cri.metadata().attempt();
    auto it = fact->cri.annotations().find(kRestartCount);
    if (it != fact->cri.annotations().end()) {
      (void)absl::SimpleAtoi(it->second, &count);
    }
    highest = std::max(highest, count);
  }
  if (highest >= 0) return static_cast<uint32_t>(highest + 1);
  auto names =
      runtime::ListDir(absl::StrCat(LogDir(deps_->options, *pod_), "/", name));
  if (!names.ok()) return 0;
  for (const std::string& file : *names) {
    int64_t count = 0;
    if (absl::SimpleAtoi(file.substr(0, file.find('.')), &count)) {
      highest = std::max(highest, count);
    }
  }
  return static_cast<uint32_t>(highest + 1);
}

void Worker::StartProbes(const std::string& name, ContainerFact& fact,
                         std::optional<probe::State> last) {
  const auto* sandbox = facts_.newest_sandbox();
  std::string ip = sandbox == nullptr ? "" : sandbox->network().ip();
  if (status::HostNetwork(*pod_) && !deps_->options.node.host_ips.empty()) {
    ip = deps_->options.node.host_ips.front();
  }
  deps_->prober->Add(pod_, name, fact.id(), ip,
                     absl::FromUnixNanos(fact.cri.started_at()), last);
}

}  // namespace agent::pod
