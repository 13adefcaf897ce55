// SPDX-License-Identifier: Apache-2.0
#include "agent/status/status.h"

#include <algorithm>

namespace agent::status {

bool IsTerminal(const std::string& phase) {
  return phase == "Succeeded" || phase == "Failed";
}

namespace internal {
namespace {

struct Counts {
  int unknown = 0, waiting = 0, running = 0, stopped = 0, succeeded = 0;
  bool restarts = false;  // one of the stopped will run again
};

const Json& Find(const Json& list, const std::string& name) {
  static const Json* const kNone = new Json();
  for (const Json& item : list) {
    if (runtime::StringAt(item, "name") == name) return item;
  }
  return *kNone;
}

Counts CountRegular(const Input& input, const Json& status) {
  Counts counts;
  for (const ContainerSpec& spec : Containers(*input.pod)) {
    if (spec.kind != ContainerKind::kRegular) continue;
    const Json& item =
        Find(runtime::ArrayAt(status, "containerStatuses"), spec.name);
    const Json& state = runtime::At(item, "state");
    const Json& last = runtime::At(item, {"lastState", "terminated"});
    const Json& ended = runtime::At(state, "terminated");
    if (runtime::Has(state, "running")) {
      ++counts.running;
    } else if (ended.is_object() || last.is_object()) {
      // Waiting for its next attempt counts as stopped, not as never started.
      const Json& exit = ended.is_object() ? ended : last;
      int code = static_cast<int>(runtime::IntAt(exit, "exitCode"));
      ++counts.stopped;
      if (code == 0) ++counts.succeeded;
      counts.restarts |= RestartsAfter(*input.pod, spec, code);
    } else if (runtime::Has(state, "waiting")) {
      ++counts.waiting;
    } else {
      ++counts.unknown;
    }
  }
  return counts;
}

enum class InitState { kDone, kPending, kFailed };

InitState CheckInit(const Input& input, const Json& status) {
  for (const ContainerSpec& spec : Containers(*input.pod)) {
    if (spec.kind != ContainerKind::kInit) continue;
    const Json& item =
        Find(runtime::ArrayAt(status, "initContainerStatuses"), spec.name);
    const Json& ended = runtime::At(item, {"state", "terminated"});
    if (spec.sidecar) {
      if (!runtime::BoolAt(item, "started")) return InitState::kPending;
    } else if (!ended.is_object()) {
      return InitState::kPending;
    } else if (int code = static_cast<int>(runtime::IntAt(ended, "exitCode"));
               code != 0) {
      return RestartsAfter(*input.pod, spec, code) ? InitState::kPending
                                                   : InitState::kFailed;
    }
  }
  return InitState::kDone;
}

// The phase if nothing but the containers decided.
std::string PhaseOfContainers(const Input& input, const Json& status) {
  Counts counts = CountRegular(input, status);
  bool touched = counts.running + counts.stopped > 0;
  if (!touched) {
    switch (CheckInit(input, status)) {
      case InitState::kFailed:
        return "Failed";
      case InitState::kPending:
        return "Pending";
      case InitState::kDone:
        break;
    }
  }
  if (counts.waiting > 0 || counts.unknown > 0) return "Pending";
  if (counts.running > 0 || counts.restarts) return "Running";
  if (counts.stopped == 0) return "Pending";
  return counts.stopped == counts.succeeded ? "Succeeded" : "Failed";
}

}  // namespace

std::string Phase(const Input& input, const Json& status) {
  const std::string previous = runtime::StringAt(input.previous, "phase");
  if (IsTerminal(previous)) return previous;
  if (!input.failed_reason.empty()) {
    if (input.finished) return "Failed";
    return previous.empty() ? "Pending" : previous;
  }
  std::string phase = PhaseOfContainers(input, status);
  if (!input.finished) {
    if (!IsTerminal(phase)) return phase;
    return previous.empty() ? "Running" : previous;
  }
  if (IsTerminal(phase)) return phase;
  // Ended from outside: success only if every regular container succeeded.
  Counts counts = CountRegular(input, status);
  bool all = counts.stopped > 0 && counts.stopped == counts.succeeded &&
             counts.waiting + counts.unknown + counts.running == 0;
  return all ? "Succeeded" : "Failed";
}

}  // namespace internal

namespace {

void FillContainers(const Input& input, Json& out) {
  Json init = Json::array(), regular = Json::array(), ephemeral = Json::array();
  for (const ContainerSpec& spec : Containers(*input.pod)) {
    Json item = internal::ContainerStatus(input, spec);
    switch (spec.kind) {
      case ContainerKind::kInit:
        init.push_back(std::move(item));
        break;
      case ContainerKind::kRegular:
        regular.push_back(std::move(item));
        break;
      case ContainerKind::kEphemeral:
        ephemeral.push_back(std::move(item));
        break;
    }
  }
  std::sort(regular.begin(), regular.end(), [](const Json& a, const Json& b) {
    return runtime::StringAt(a, "name") < runtime::StringAt(b, "name");
  });
  if (!init.empty()) out["initContainerStatuses"] = std::move(init);
  out["containerStatuses"] = std::move(regular);
  if (!ephemeral.empty()) {
    out["ephemeralContainerStatuses"] = std::move(ephemeral);
  }
}

void FillAddresses(const Input& input, Json& out) {
  Json hosts = Json::array();
  for (const std::string& ip : input.host_ips) hosts.push_back({{"ip", ip}});
  if (!hosts.empty()) {
    out["hostIP"] = input.host_ips.front();
    out["hostIPs"] = hosts;
  }
  Json ips = Json::array();
  if (HostNetwork(*input.pod)) {
    if (input.sandbox.has_value()) ips = hosts;
  } else if (input.sandbox.has_value() &&
             !input.sandbox->network().ip().empty()) {
    const auto& network = input.sandbox->network();
    ips.push_back({{"ip", network.ip()}});
    for (const auto& more : network.additional_ips()) {
      ips.push_back({{"ip", more.ip()}});
    }
  } else if (input.finished) {
    ips = runtime::ArrayAt(input.previous, "podIPs");
  }
  if (ips.empty()) return;
  out["podIP"] = runtime::StringAt(ips[0], "ip");
  out["podIPs"] = ips;
}

}  // namespace

Json ComputeStatus(const Input& input) {
  Json out = Json::object();
  FillContainers(input, out);
  FillAddresses(input, out);
  out["phase"] = internal::Phase(input, out);
  std::string qos =
      runtime::StringAt(runtime::At(*input.pod, "status"), "qosClass");
  out["qosClass"] = qos.empty() ? QosName(QosClass(*input.pod)) : qos;
  if (std::string start = FormatApiTime(input.start_time); !start.empty()) {
    out["startTime"] = start;
  }
  if (!input.failed_reason.empty()) {
    out["reason"] = input.failed_reason;
    if (!input.failed_message.empty()) out["message"] = input.failed_message;
  } else {
    for (const char* key : {"reason", "message"}) {
      if (runtime::Has(input.previous, key)) {
        out[key] = runtime::At(input.previous, key);
      }
    }
  }
  int64_t generation =
      runtime::IntAt(runtime::At(*input.pod, "metadata"), "generation");
  if (generation > 0 && !input.mirror) out["observedGeneration"] = generation;
  out["conditions"] = internal::Conditions(input, out);
  for (const char* key :
       {"nominatedNodeName", "resourceClaimStatuses", "resize"}) {
    if (runtime::Has(input.previous, key)) {
      out[key] = runtime::At(input.previous, key);
    }
  }
  return out;
}

}  // namespace agent::status
