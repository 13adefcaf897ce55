// SPDX-License-Identifier: Apache-2.0
#include "cri/container/container.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::ContainerPhase;
using runtime::Json;
namespace v1 = ::runtime::v1;

// 0 stands for "not yet".
int64_t Nanos(absl::Time time) {
  return time == absl::InfinitePast() ? 0 : absl::ToUnixNanos(time);
}

absl::Time FromNanos(int64_t nanos) {
  return nanos == 0 ? absl::InfinitePast() : absl::FromUnixNanos(nanos);
}

// Fields of a record.
constexpr char kResources[] = "resources", kWanted[] = "resources_wanted";

// Nothing, if the record does not have the field.
absl::StatusOr<std::optional<runtime::v1::LinuxContainerResources>> LimitsAt(
    const Json& body, const char* field) {
  if (!runtime::Has(body, field)) return std::nullopt;
  std::string wire;
  runtime::v1::LinuxContainerResources limits;
  if (!absl::Base64Unescape(runtime::StringAt(body, field), &wire) ||
      !limits.ParseFromString(wire)) {
    return absl::DataLossError(
        absl::StrCat("field ", field, ": not LinuxContainerResources"));
  }
  return limits;
}

}  // namespace

Container::State Container::GetState() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

std::string Container::CgroupPath() const {
  return runtime::JoinPath(sandbox->ContainersCgroup(), id);
}

runtime::v1::LinuxContainerResources Container::Resources() const {
  absl::MutexLock lock(&mutex_);
  return updated_.has_value() ? *updated_ : config.linux().resources();
}

void Container::SetResources(
    const runtime::v1::LinuxContainerResources& resources) {
  absl::MutexLock lock(&mutex_);
  updated_ = resources;
}

std::optional<runtime::v1::LinuxContainerResources> Container::WantedResources()
    const {
  absl::MutexLock lock(&mutex_);
  return wanted_;
}

void Container::SetWantedResources(
    std::optional<runtime::v1::LinuxContainerResources> wanted) {
  absl::MutexLock lock(&mutex_);
  wanted_ = std::move(wanted);
}

bool Container::Advance(const runtime::ContainerState& state) {
  absl::MutexLock lock(&mutex_);
  if (state.phase == state_.phase) state_.pid = state.pid;
  if (state.phase <= state_.phase) return false;
  state_.phase = state.phase;
  state_.pid = state.pid;
  if (state.started_at != absl::InfinitePast()) {
    state_.started_at = state.started_at;
  }
  state_.finished_at = state.finished_at;
  state_.exit_code = state.exit_code;
  state_.oom_killed = state.oom_killed;
  state_.message = state.message;
  return true;
}

std::vector<v1::ContainerEventType> Container::TakeNews(
    v1::ContainerEventType type) {
  std::vector<v1::ContainerEventType> news;
  absl::MutexLock lock(&mutex_);
  const auto tell = [&](v1::ContainerEventType event)
                        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
                          if (event <= told_) return;
                          told_ = event;
                          news.push_back(event);
                        };
  tell(v1::CONTAINER_CREATED_EVENT);
  const bool started = state_.started_at != absl::InfinitePast();
  const bool exited = state_.phase == ContainerPhase::kExited;
  if (started && type > v1::CONTAINER_STARTED_EVENT) {
    tell(v1::CONTAINER_STARTED_EVENT);
  }
  if (exited && type > v1::CONTAINER_STOPPED_EVENT) {
    tell(v1::CONTAINER_STOPPED_EVENT);
  }
  tell(type);
  return news;
}

bool Container::MarkLost() {
  absl::MutexLock lock(&mutex_);
  if (state_.phase == ContainerPhase::kExited) return false;
  state_.phase = ContainerPhase::kExited;
  state_.pid = 0;
  state_.exit_code = 255;
  state_.finished_at = absl::Now();
  state_.message = "the container's holder is gone, and with it the exit code";
  state_.lost = true;
  return true;
}

absl::Status Container::AwaitExit(absl::Time deadline) {
  const auto over = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return state_.phase == ContainerPhase::kExited || waits_ended_;
  };
  absl::MutexLock lock(&mutex_);
  const bool in_time =
      mutex_.AwaitWithDeadline(absl::Condition(&over), deadline);
  if (state_.phase == ContainerPhase::kExited) return absl::OkStatus();
  return in_time ? absl::UnavailableError(absl::StrCat(
                       "container ", id,
                       " still runs, and this server stops: ask the next one"))
                 : absl::DeadlineExceededError(
                       absl::StrCat("container ", id, " is not dead yet"));
}

void Container::EndWaits() {
  absl::MutexLock lock(&mutex_);
  waits_ended_ = true;
}

Container::StopTurn Container::BeginStop(absl::Time kill_at) {
  absl::MutexLock lock(&mutex_);
  StopTurn turn;
  turn.first = !kill_at_.has_value();
  turn.earlier = turn.first || kill_at < *kill_at_;
  if (turn.earlier) kill_at_ = kill_at;
  return turn;
}

void Container::ForgetStop() {
  absl::MutexLock lock(&mutex_);
  kill_at_.reset();
}

Json Container::ToRecord() const {
  Json body;
  body["sandbox"] = sandbox->id;
  body["name"] = config.metadata().name();
  body["attempt"] = config.metadata().attempt();
  body["image_id"] = image_id;
  body["image_ref"] = image_ref;
  body["uid"] = identity.uid;
  body["gid"] = identity.gid;
  body["groups"] = identity.groups;
  body["stop_signal"] = stop_signal;
  body["log_path"] = log_path;
  body["created_at"] = Nanos(created_at);
  body["config"] = absl::Base64Escape(config.SerializeAsString());
  absl::MutexLock lock(&mutex_);
  body["phase"] = static_cast<int>(state_.phase);
  body["started_at"] = Nanos(state_.started_at);
  body["finished_at"] = Nanos(state_.finished_at);
  body["exit_code"] = state_.exit_code;
  body["oom_killed"] = state_.oom_killed;
  body["message"] = state_.message;
  body["lost"] = state_.lost;
  if (updated_.has_value()) {
    body[kResources] = absl::Base64Escape(updated_->SerializeAsString());
  }
  if (wanted_.has_value()) {
    body[kWanted] = absl::Base64Escape(wanted_->SerializeAsString());
  }
  return body;
}

absl::Status Container::FromRecord(const Json& body) {
  std::string wire;
  if (!absl::Base64Unescape(runtime::StringAt(body, "config"), &wire) ||
      !config.ParseFromString(wire) || !config.has_metadata()) {
    return absl::DataLossError("field config: not a ContainerConfig");
  }
  int64_t phase = runtime::IntAt(body, "phase", -1);
  if (phase < 0 || phase > static_cast<int>(ContainerPhase::kExited)) {
    return absl::DataLossError("field phase: out of range");
  }
  image_id = runtime::StringAt(body, "image_id");
  image_ref = runtime::StringAt(body, "image_ref");
  identity.uid = static_cast<uint32_t>(runtime::IntAt(body, "uid"));
  identity.gid = static_cast<uint32_t>(runtime::IntAt(body, "gid"));
  for (const Json& group : runtime::ArrayAt(body, "groups")) {
    if (group.is_number_unsigned()) identity.groups.push_back(group);
  }
  stop_signal = static_cast<int>(runtime::IntAt(body, "stop_signal", 15));
  log_path = runtime::StringAt(body, "log_path");
  created_at = FromNanos(runtime::IntAt(body, "created_at"));
  absl::MutexLock lock(&mutex_);
  state_.phase = static_cast<ContainerPhase>(phase);
  told_ = static_cast<int>(phase);  // the event that led to it
  state_.started_at = FromNanos(runtime::IntAt(body, "started_at"));
  state_.finished_at = FromNanos(runtime::IntAt(body, "finished_at"));
  state_.exit_code = static_cast<int>(runtime::IntAt(body, "exit_code"));
  state_.oom_killed = runtime::BoolAt(body, "oom_killed");
  state_.message = runtime::StringAt(body, "message");
  state_.lost = runtime::BoolAt(body, "lost");
  ASSIGN_OR_RETURN(updated_, LimitsAt(body, kResources));
  ASSIGN_OR_RETURN(wanted_, LimitsAt(body, kWanted));
  return absl::OkStatus();
}

}  // namespace cri::container
