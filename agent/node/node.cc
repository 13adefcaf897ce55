// SPDX-License-Identifier: Apache-2.0
#include "agent/node/node.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/api/version.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

using runtime::Json;
using runtime::StringAt;

constexpr char kNodes[] = "/api/v1/nodes";
constexpr int kReportAttempts = 5;
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
constexpr absl::Duration kMaxBackoff = absl::Seconds(7);
// How often a node that is not ready looks whether it has become so.
constexpr absl::Duration kUnreadyPeriod = absl::Seconds(1);

absl::Duration Jittered(absl::Duration duration) {
  static thread_local std::minstd_rand random(std::random_device{}());
  return duration * std::uniform_real_distribution<double>(0.96, 1.04)(random);
}

}  // namespace

Node::Node(Options options, Hooks hooks, api::Client* client)
    : options_(std::move(options)),
      hooks_(std::move(hooks)),
      client_(client),
      facts_(ReadHostFacts()),
      events_(client, options_.identity.name),
      lease_(client, options_.identity.name,
             options_.config.lease_duration_seconds),
      conditions_(options_.config),
      watch_outage_(absl::StrCat("watch of node ", options_.identity.name)) {}

Node::~Node() { Stop(); }

std::string Node::Path() const {
  return absl::StrCat(kNodes, "/", options_.identity.name);
}

absl::Status Node::Start() {
  RETURN_IF_ERROR(BaseStatus(options_.identity, options_.config, facts_,
                             ReadUsage(options_.kubelet_dir), options_.runtime)
                      .status());
  lease_.Start();
  status_thread_ = std::thread([this] { StatusLoop(); });
  watch_thread_ = std::thread([this] { WatchLoop(); });
  return absl::OkStatus();
}

void Node::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  cancel_.Cancel();
  lease_.Stop();
  if (status_thread_.joinable()) status_thread_.join();
  if (watch_thread_.joinable()) watch_thread_.join();
}

void Node::Kick() {
  absl::MutexLock lock(&mutex_);
  kicked_ = true;
}

Json Node::Object() {
  absl::MutexLock lock(&mutex_);
  return object_;
}

bool Node::Sleep(absl::Duration duration, bool kickable) {
  const auto awake = [this, kickable]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ || (kickable && kicked_);
  };
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&awake), duration);
  if (kickable) kicked_ = false;
  return !stopped_;
}

absl::StatusOr<Json> Node::ComputeStatus(bool* ready) {
  const Usage usage = ReadUsage(options_.kubelet_dir);
  ASSIGN_OR_RETURN(Json status, BaseStatus(options_.identity, options_.config,
                                           facts_, usage, options_.runtime));
  const Readiness readiness = hooks_.readiness();
  *ready = readiness.ready;
  status["conditions"] =
      conditions_.Compute(facts_, usage, readiness, absl::Now());
  untold_.insert(untold_.end(), conditions_.changes().begin(),
                 conditions_.changes().end());
  status["images"] =
      ImageList(hooks_.images(), options_.config.status_max_images);
  return status;
}

absl::Status Node::RegisterOnce() {
  // Every authenticated user may ask; without an answer the own version stays.
  const auto version = client_->Get("/version");
  if (version.ok()) {
    options_.identity.kubelet_version =
        KubeletVersion(StringAt(*version, "gitVersion"));
  }
  bool ready = false;
  ASSIGN_OR_RETURN(const Json status, ComputeStatus(&ready));
  const Json wanted =
      NewNode(options_.identity, options_.config, facts_, status);
  auto created = client_->Create(kNodes, wanted);
  if (created.ok()) {
    runtime::log::Info("node ", options_.identity.name, " is registered");
    Sent(status, *created);
    TakeNode(*created);
    return absl::OkStatus();
  }
  if (!absl::IsAlreadyExists(created.status()) &&
      !absl::IsPermissionDenied(created.status())) {
    return created.status();
  }
  ASSIGN_OR_RETURN(const Json existing, client_->Get(Path()));
  const std::string boot_id =
      StringAt(existing, {"status", "nodeInfo", "bootID"});
  if (!boot_id.empty() && boot_id != facts_.boot_id) {
    events_.Send("Warning", "Rebooted",
                 absl::StrCat("Node ", options_.identity.name,
                              " has been rebooted, boot id: ", facts_.boot_id));
  }
  conditions_.Adopt(existing);
  untold_.clear();
  if (const Json patch = Reconcile(existing, wanted); !patch.is_null()) {
    RETURN_IF_ERROR(
        client_->Patch(Path(), api::PatchType::kStrategicMerge, patch)
            .status());
  }
  runtime::log::Info("node ", options_.identity.name, " was registered before");
  TakeNode(existing);
  return absl::OkStatus();
}

bool Node::Register() {
  absl::Duration backoff = kFirstBackoff;
  std::string told;
  while (true) {
    const absl::Status status = RegisterOnce();
    if (status.ok()) return Sleep(absl::ZeroDuration(), false);
    if (told != status.message()) {
      told = std::string(status.message());
      runtime::log::Warning("cannot register node ", options_.identity.name,
                            ", trying on: ", told);
    }
    if (!Sleep(backoff, false)) return false;
    backoff = std::min(backoff * 2, kMaxBackoff);
  }
}

void Node::TakeNode(const Json& node) {
  lease_.SetNodeUid(StringAt(node, {"metadata", "uid"}));
  absl::MutexLock lock(&mutex_);
  object_ = node;
}

void Node::Sent(Json status, const Json& answer) {
  absl::MutexLock lock(&mutex_);
  sent_conditions_ = runtime::ArrayAt(status, "conditions");
  sent_version_ = api::VersionOf(answer);
  reported_ = std::move(status);
  reported_at_ = absl::Now();
}

void Node::Report(bool forced) {
  bool ready = false;
  Json drifted;
  {
    absl::MutexLock lock(&mutex_);
    drifted = std::exchange(drifted_, nullptr);
  }
  if (drifted.is_object()) {
    forced = true;
    conditions_.Adopt(drifted);
  }
  auto status = ComputeStatus(&ready);
  if (!status.ok()) {
    runtime::log::Error("node status: ", status.status().message());
    return;
  }
  if (!forced && !StatusChanged(reported_, *status) &&
      absl::Now() - reported_at_ < options_.config.status_report_frequency) {
    return;
  }
  absl::StatusOr<Json> sent;
  for (int attempt = 0; attempt < kReportAttempts; ++attempt) {
    sent = client_->Patch(Path() + "/status", api::PatchType::kStrategicMerge,
                          StatusPatch(*status));
    if (sent.ok() || absl::IsNotFound(sent.status())) break;
    if (!Sleep(kFirstBackoff * (1 << attempt), false)) return;
  }
  if (!sent.ok()) {
    runtime::log::Warning("status of node ", options_.identity.name,
                          " is not sent: ", sent.status().message());
    if (drifted.is_object()) {
      absl::MutexLock lock(&mutex_);
      if (drifted_.is_null()) drifted_ = std::move(drifted);
    }
    return;
  }
  Sent(*std::move(status), *sent);
  TellChanges(ready);
}

void Node::TellChanges(bool ready) {
  for (const std::string& reason : std::exchange(untold_, {})) {
    const bool about_ready =
        reason == "KubeletReady" || reason == "KubeletNotReady";
    const std::string event =
        about_ready ? (ready ? "NodeReady" : "NodeNotReady")
                    : absl::StrCat("Node", reason.substr(strlen("Kubelet")));
    runtime::log::Info("node ", options_.identity.name, ": ", event);
    events_.Send("Normal", event,
                 absl::StrCat("Node ", options_.identity.name,
                              " status is now: ", event));
  }
}

void Node::StatusLoop() {
  pthread_setname_np(pthread_self(), "node-status");
  if (options_.config.register_node && !Register()) return;
  events_.Send("Normal", "Starting", "Starting kubelet.");
  bool first = true;
  while (true) {
    Report(first);
    first = false;
    const Json& conditions = runtime::ArrayAt(reported_, "conditions");
    const bool ready =
        !conditions.empty() && StringAt(conditions.back(), "status") == "True";
    if (!Sleep(ready ? Jittered(options_.config.status_update_frequency)
                     : kUnreadyPeriod,
               true)) {
      return;
    }
  }
}

}  // namespace agent::node
