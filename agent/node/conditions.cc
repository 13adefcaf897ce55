// SPDX-License-Identifier: Apache-2.0
#include "agent/node/conditions.h"

#include "agent/node/capacity.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

using runtime::Json;

// Pressure that has ended is reported this much longer, lest pods come back at
// once and bring it back (kubelet's evictionPressureTransitionPeriod).
constexpr absl::Duration kTransitionPeriod = absl::Minutes(5);

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

void Conditions::Adopt(const Json& node) {
  for (auto& [type, state] : states_) state.status.clear();
  for (const Json& condition :
       runtime::ArrayAt(runtime::ObjectAt(node, "status"), "conditions")) {
    State& state = states_[runtime::StringAt(condition, "type")];
    state.status = runtime::StringAt(condition, "status");
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full,
                         runtime::StringAt(condition, "lastTransitionTime"),
                         &state.transition, &error)) {
      state.transition = absl::Now();
    }
  }
}

bool Conditions::Below(const char* signal, int64_t available,
                       int64_t total) const {
  const auto it = config_.eviction_hard.find(signal);
  if (it == config_.eviction_hard.end() || total == 0) return false;
  // A bad quantity was refused when the node started.
  return available < Threshold(it->second, total).value_or(0);
}

bool Conditions::Pressure(const std::string& type, bool now_pressed,
                          absl::Time now) {
  State& state = states_[type];
  if (now_pressed) state.last_pressure = now;
  return now - state.last_pressure < kTransitionPeriod;
}

Json Conditions::Condition(const std::string& type, bool value,
                           const std::string& reason,
                           const std::string& message, absl::Time now) {
  State& state = states_[type];
  const std::string status = value ? "True" : "False";
  if (state.status != status) {
    state.status = status;
    state.transition = now;
    changes_.push_back(reason);
  }
  return {{"type", type},
          {"status", status},
          {"reason", reason},
          {"message", message},
          {"lastHeartbeatTime", TimeText(now)},
          {"lastTransitionTime", TimeText(state.transition)}};
}

Json Conditions::Compute(const HostFacts& facts, const Usage& usage,
                         const Readiness& readiness, absl::Time now) {
  changes_.clear();
  const bool memory = Pressure(
      "MemoryPressure",
      Below("memory.available", usage.memory_available, facts.memory_bytes),
      now);
  const bool disk = Pressure(
      "DiskPressure",
      Below("nodefs.available", usage.disk_available, usage.disk_bytes) ||
          Below("nodefs.inodesFree", usage.inodes_free, usage.inodes),
      now);
  const bool pids = Pressure(
      "PIDPressure",
      Below("pid.available", usage.pids_max - usage.pids_used, usage.pids_max),
      now);
  Json list = Json::array();
  list.push_back(Condition(
      "MemoryPressure", memory,
      memory ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
      memory ? "kubelet has insufficient memory available"
             : "kubelet has sufficient memory available",
      now));
  list.push_back(Condition(
      "DiskPressure", disk,
      disk ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
      disk ? "kubelet has disk pressure" : "kubelet has no disk pressure",
      now));
  list.push_back(
      Condition("PIDPressure", pids,
                pids ? "KubeletHasInsufficientPID" : "KubeletHasSufficientPID",
                pids ? "kubelet has insufficient PID available"
                     : "kubelet has sufficient PID available",
                now));
  list.push_back(Condition(
      "Ready", readiness.ready,
      readiness.ready ? "KubeletReady" : "KubeletNotReady",
      readiness.ready ? "kubelet is posting ready status" : readiness.message,
      now));
  return list;
}

}  // namespace agent::node
