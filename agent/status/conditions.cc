// SPDX-License-Identifier: Apache-2.0
// The pod conditions. lastTransitionTime moves only when the status does.
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/status/status.h"

namespace agent::status {

bool IsOwnCondition(const std::string& type) {
  static const std::set<std::string>* const kOwn =
      new std::set<std::string>{"PodReadyToStartContainers", "Initialized",
                                "Ready", "ContainersReady", "PodScheduled"};
  return kOwn->contains(type);
}

namespace internal {
namespace {

struct Verdict {
  bool value = false;
  std::string reason, message;
};

const Json& PreviousCondition(const Input& input, const std::string& type) {
  static const Json* const kNone = new Json();
  for (const Json& item : runtime::ArrayAt(input.previous, "conditions")) {
    if (runtime::StringAt(item, "type") == type) return item;
  }
  return *kNone;
}

Json Make(const Input& input, const std::string& type, const Verdict& verdict) {
  const Json& previous = PreviousCondition(input, type);
  std::string value = verdict.value ? "True" : "False";
  Json out = {{"type", type}, {"status", value}, {"lastProbeTime", nullptr}};
  if (!verdict.reason.empty()) out["reason"] = verdict.reason;
  if (!verdict.message.empty()) out["message"] = verdict.message;
  std::string since = runtime::StringAt(previous, "lastTransitionTime");
  bool same = runtime::StringAt(previous, "status") == value && !since.empty();
  out["lastTransitionTime"] = same ? since : FormatApiTime(input.now);
  int64_t generation =
      runtime::IntAt(runtime::At(*input.pod, "metadata"), "generation");
  if (generation > 0 && !input.mirror) out["observedGeneration"] = generation;
  return out;
}

std::map<std::string, const Json*> ByName(const Json& list) {
  std::map<std::string, const Json*> out;
  for (const Json& item : list) {
    out.emplace(runtime::StringAt(item, "name"), &item);
  }
  return out;
}

Verdict Initialized(const Input& input, const Json& status,
                    const std::string& phase) {
  auto init = ByName(runtime::ArrayAt(status, "initContainerStatuses"));
  auto regular = ByName(runtime::ArrayAt(status, "containerStatuses"));
  if (phase == "Succeeded") return {true, "PodCompleted", ""};
  for (const auto& [name, item] : regular) {
    if (runtime::Has(runtime::At(*item, "state"), "running") ||
        runtime::Has(runtime::At(*item, "state"), "terminated") ||
        runtime::Has(runtime::At(*item, "lastState"), "terminated")) {
      return {true, "", ""};
    }
  }
  std::vector<std::string> incomplete;
  for (const ContainerSpec& spec : Containers(*input.pod)) {
    if (spec.kind != ContainerKind::kInit) continue;
    auto it = init.find(spec.name);
    bool done = it != init.end() &&
                (spec.sidecar ? runtime::BoolAt(*it->second, "started")
                              : runtime::BoolAt(*it->second, "ready"));
    if (!done) incomplete.push_back(spec.name);
  }
  if (incomplete.empty()) return {true, "", ""};
  return {false, "ContainersNotInitialized",
          absl::StrCat("containers with incomplete status: [",
                       absl::StrJoin(incomplete, " "), "]")};
}

Verdict ContainersReady(const Input& input, const Json& status,
                        const std::string& phase) {
  auto init = ByName(runtime::ArrayAt(status, "initContainerStatuses"));
  auto regular = ByName(runtime::ArrayAt(status, "containerStatuses"));
  if (phase == "Succeeded") return {false, "PodCompleted", ""};
  if (phase == "Failed") return {false, "PodFailed", ""};
  std::vector<std::string> unready;
  for (const ContainerSpec& spec : Containers(*input.pod)) {
    if (!spec.long_running()) continue;
    const auto& from = spec.sidecar ? init : regular;
    auto it = from.find(spec.name);
    if (it == from.end() || !runtime::BoolAt(*it->second, "ready")) {
      unready.push_back(spec.name);
    }
  }
  if (unready.empty()) return {true, "", ""};
  return {false, "ContainersNotReady",
          absl::StrCat("containers with unready status: [",
                       absl::StrJoin(unready, " "), "]")};
}

Verdict Ready(const Input& input, const Verdict& containers) {
  if (!containers.value) return containers;
  std::vector<std::string> messages;
  for (const Json& gate :
       runtime::ArrayAt(runtime::At(*input.pod, "spec"), "readinessGates")) {
    std::string type = runtime::StringAt(gate, "conditionType");
    const Json& condition = PreviousCondition(input, type);
    std::string value = runtime::StringAt(condition, "status");
    if (condition.is_null()) {
      messages.push_back(
          absl::StrCat("corresponding condition of pod readiness gate \"", type,
                       "\" does not exist."));
    } else if (value != "True") {
      messages.push_back(absl::StrCat("the status of pod readiness gate \"",
                                      type, "\" is not \"True\", but ", value));
    }
  }
  if (messages.empty()) return {true, "", ""};
  return {false, "ReadinessGatesNotReady", absl::StrJoin(messages, ", ")};
}

bool SandboxUp(const Input& input) {
  return input.sandbox.has_value() &&
         input.sandbox->state() == v1::SANDBOX_READY &&
         (HostNetwork(*input.pod) || !input.sandbox->network().ip().empty());
}

}  // namespace

Json Conditions(const Input& input, const Json& status) {
  const std::string phase = runtime::StringAt(status, "phase");
  Verdict containers = ContainersReady(input, status, phase);
  Json out = Json::array();
  out.push_back(
      Make(input, "PodReadyToStartContainers", {SandboxUp(input), "", ""}));
  out.push_back(Make(input, "Initialized", Initialized(input, status, phase)));
  out.push_back(Make(input, "Ready", Ready(input, containers)));
  out.push_back(Make(input, "ContainersReady", containers));
  out.push_back(Make(input, "PodScheduled", {true, "", ""}));
  for (const Json& item : runtime::ArrayAt(input.previous, "conditions")) {
    if (!IsOwnCondition(runtime::StringAt(item, "type"))) out.push_back(item);
  }
  return out;
}

}  // namespace internal
}  // namespace agent::status
