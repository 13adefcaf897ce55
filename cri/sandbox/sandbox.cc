// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/sandbox.h"

#include <sys/random.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/systemd/slice.h"

namespace cri::sandbox {

using runtime::Json;
namespace v1 = ::runtime::v1;

const v1::NamespaceOption& Sandbox::Namespaces() const {
  return config.linux().security_context().namespace_options();
}

bool Sandbox::HostNetwork() const { return Namespaces().network() == v1::NODE; }

std::string Sandbox::ContainersCgroup() const {
  if (slice.empty()) return cgroup_parent;
  return runtime::JoinPath(cgroup_parent, runtime::systemd::ScopeName(id));
}

bool Sandbox::IsReady() const {
  absl::MutexLock lock(&mutex_);
  return ready_;
}

bool Sandbox::IsTornDown() const {
  absl::MutexLock lock(&mutex_);
  return torn_down_;
}

bool Sandbox::IsStopped() const {
  absl::MutexLock lock(&mutex_);
  return stopped_;
}

absl::StatusOr<Sandbox::Use> Sandbox::Enter() {
  absl::MutexLock lock(&mutex_);
  if (!ready_) {
    return absl::FailedPreconditionError(
        absl::StrCat("sandbox ", id, " is not ready: it was stopped"));
  }
  ++uses_;
  return Use(this);
}

void Sandbox::Leave() {
  absl::MutexLock lock(&mutex_);
  --uses_;
}

bool Sandbox::Close(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  ready_ = false;
  return mutex_.AwaitWithDeadline(
      absl::Condition(
          +[](int* uses) { return *uses == 0; }, &uses_),
      deadline);
}

bool Sandbox::MarkDead() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(ready_, false);
}

bool Sandbox::TakeStopNews() {
  absl::MutexLock lock(&mutex_);
  return !std::exchange(stop_told_, true);
}

void Sandbox::SetTornDown() {
  absl::MutexLock lock(&mutex_);
  ready_ = false;
  torn_down_ = true;
}

void Sandbox::SetStopped() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

Sandbox::Limits Sandbox::GetLimits() const {
  absl::MutexLock lock(&mutex_);
  if (limits_.has_value()) return *limits_;
  return {config.linux().overhead(), config.linux().resources()};
}

void Sandbox::SetLimits(Limits limits) {
  absl::MutexLock lock(&mutex_);
  limits_ = std::move(limits);
}

Json Sandbox::ToRecord() const {
  Json body;
  // The four plain fields are for whoever reads the file; config decides.
  body["name"] = config.metadata().name();
  body["namespace"] = config.metadata().namespace_();
  body["uid"] = config.metadata().uid();
  body["attempt"] = config.metadata().attempt();
  body["runtime_handler"] = runtime_handler;
  body["cgroup_parent"] = cgroup_parent;
  if (!slice.empty()) body["slice"] = slice;
  body["created_at"] = absl::ToUnixNanos(created_at);
  body["holder_pid"] = holder_pid;
  body["pause_pid"] = pause_pid;
  body["shm_dir"] = shm_dir;
  body["files_dir"] = files_dir;
  body["ips"] = ips;
  body["config"] = absl::Base64Escape(config.SerializeAsString());
  absl::MutexLock lock(&mutex_);
  body["ready"] = ready_;
  body["torn_down"] = torn_down_;
  if (limits_.has_value()) {
    body["overhead"] =
        absl::Base64Escape(limits_->overhead.SerializeAsString());
    body["resources"] =
        absl::Base64Escape(limits_->resources.SerializeAsString());
  }
  return body;
}

absl::Status Sandbox::FromRecord(const Json& body) {
  std::string wire;
  if (!absl::Base64Unescape(runtime::StringAt(body, "config"), &wire) ||
      !config.ParseFromString(wire) || !config.has_metadata()) {
    return absl::DataLossError("field config: not a PodSandboxConfig");
  }
  runtime_handler = runtime::StringAt(body, "runtime_handler");
  cgroup_parent = runtime::StringAt(body, "cgroup_parent");
  slice = runtime::StringAt(body, "slice");
  created_at = absl::FromUnixNanos(runtime::IntAt(body, "created_at"));
  holder_pid = static_cast<int>(runtime::IntAt(body, "holder_pid"));
  pause_pid = static_cast<int>(runtime::IntAt(body, "pause_pid"));
  shm_dir = runtime::StringAt(body, "shm_dir");
  files_dir = runtime::StringAt(body, "files_dir");
  for (const Json& ip : runtime::ArrayAt(body, "ips")) {
    if (ip.is_string()) ips.push_back(ip.get_ref<const std::string&>());
  }
  absl::MutexLock lock(&mutex_);
  ready_ = runtime::BoolAt(body, "ready");
  torn_down_ = stopped_ = runtime::BoolAt(body, "torn_down");
  if (runtime::Has(body, "resources")) {
    limits_.emplace();
    if (!absl::Base64Unescape(runtime::StringAt(body, "overhead"), &wire) ||
        !limits_->overhead.ParseFromString(wire) ||
        !absl::Base64Unescape(runtime::StringAt(body, "resources"), &wire) ||
        !limits_->resources.ParseFromString(wire)) {
      return absl::DataLossError("fields overhead, resources: not resources");
    }
  }
  return absl::OkStatus();
}

std::string NewId() {
  char bytes[32];
  // Blocks only before the kernel's pool is first filled; 32 bytes come whole.
  ssize_t got = getrandom(bytes, sizeof bytes, 0);
  (void)got;
  return absl::BytesToHexString(absl::string_view(bytes, sizeof bytes));
}

v1::PodSandbox ToListItem(const Sandbox& sandbox) {
  v1::PodSandbox item;
  item.set_id(sandbox.id);
  *item.mutable_metadata() = sandbox.config.metadata();
  item.set_state(sandbox.IsReady() ? v1::SANDBOX_READY : v1::SANDBOX_NOTREADY);
  item.set_created_at(absl::ToUnixNanos(sandbox.created_at));
  *item.mutable_labels() = sandbox.config.labels();
  *item.mutable_annotations() = sandbox.config.annotations();
  item.set_runtime_handler(sandbox.runtime_handler);
  return item;
}

v1::PodSandboxStatus ToStatus(const Sandbox& sandbox) {
  v1::PodSandboxStatus status;
  status.set_id(sandbox.id);
  *status.mutable_metadata() = sandbox.config.metadata();
  status.set_state(sandbox.IsReady() ? v1::SANDBOX_READY
                                     : v1::SANDBOX_NOTREADY);
  status.set_created_at(absl::ToUnixNanos(sandbox.created_at));
  v1::PodSandboxNetworkStatus* network = status.mutable_network();
  // What it has given back is somebody else's.
  const size_t held = sandbox.IsTornDown() ? 0 : sandbox.ips.size();
  for (size_t i = 0; i < held; ++i) {
    if (i == 0) {
      network->set_ip(sandbox.ips[0]);
    } else {
      network->add_additional_ips()->set_ip(sandbox.ips[i]);
    }
  }
  *status.mutable_linux()->mutable_namespaces()->mutable_options() =
      sandbox.Namespaces();
  *status.mutable_labels() = sandbox.config.labels();
  *status.mutable_annotations() = sandbox.config.annotations();
  status.set_runtime_handler(sandbox.runtime_handler);
  return status;
}

bool HasLabels(const TextMap& labels, const TextMap& selector) {
  for (const auto& [key, value] : selector) {
    auto it = labels.find(key);
    if (it == labels.end() || it->second != value) return false;
  }
  return true;
}

bool Matches(const Sandbox& sandbox, const v1::PodSandboxFilter& filter) {
  if (!absl::StartsWith(sandbox.id, filter.id())) return false;
  if (filter.has_state()) {
    bool wants_ready = filter.state().state() == v1::SANDBOX_READY;
    if (wants_ready != sandbox.IsReady()) return false;
  }
  return HasLabels(sandbox.config.labels(), filter.label_selector());
}

}  // namespace cri::sandbox
