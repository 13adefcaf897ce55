// SPDX-License-Identifier: Apache-2.0
#include "agent/status/spec.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace agent::status {
namespace {

constexpr char kMirrorKey[] = "kubernetes.io/config.mirror";
constexpr char kSourceKey[] = "kubernetes.io/config.source";

void Append(const Json& pod, const char* key, ContainerKind kind,
            std::vector<ContainerSpec>& out) {
  for (const Json& item : runtime::ArrayAt(runtime::At(pod, "spec"), key)) {
    ContainerSpec spec;
    spec.name = runtime::StringAt(item, "name");
    spec.kind = kind;
    spec.sidecar = kind == ContainerKind::kInit &&
                   runtime::StringAt(item, "restartPolicy") == "Always";
    spec.json = &item;
    out.push_back(std::move(spec));
  }
}

// Does one of `rules` decide about this exit? Sets `restart` if so.
bool MatchRules(const Json& rules, int exit_code, bool& restart) {
  for (const Json& rule : rules) {
    const Json& codes = runtime::At(rule, "exitCodes");
    bool listed = false;
    for (const Json& value : runtime::ArrayAt(codes, "values")) {
      listed |= value.is_number_integer() && value == exit_code;
    }
    bool in = runtime::StringAt(codes, "operator") == "In";
    if (listed != in) continue;
    restart = runtime::StringAt(rule, "action") == "Restart";
    return restart;
  }
  return false;
}

bool IsZero(const Json& quantity) {
  if (quantity.is_number()) return quantity == 0;
  if (!quantity.is_string()) return true;
  const std::string text = quantity.get<std::string>();
  return text.find_first_of("123456789") == std::string::npos;
}

}  // namespace

std::vector<ContainerSpec> Containers(const Json& pod) {
  std::vector<ContainerSpec> out;
  Append(pod, "initContainers", ContainerKind::kInit, out);
  Append(pod, "containers", ContainerKind::kRegular, out);
  Append(pod, "ephemeralContainers", ContainerKind::kEphemeral, out);
  return out;
}

const Json& FindContainer(const Json& pod, const std::string& name) {
  static const Json* const kNone = new Json();
  for (const ContainerSpec& spec : Containers(pod)) {
    if (spec.name == name) return *spec.json;
  }
  return *kNone;
}

std::string Uid(const Json& pod) {
  return runtime::StringAt(pod, {"metadata", "uid"});
}
std::string Namespace(const Json& pod) {
  return runtime::StringAt(pod, {"metadata", "namespace"}, "default");
}
std::string Name(const Json& pod) {
  return runtime::StringAt(pod, {"metadata", "name"});
}
std::string Annotation(const Json& pod, absl::string_view key) {
  return runtime::StringAt(pod, {"metadata", "annotations", key});
}
std::string Describe(const Json& pod) {
  return absl::StrCat(Name(pod), "_", Namespace(pod), "(", Uid(pod), ")");
}
bool IsMirror(const Json& pod) {
  return runtime::Has(runtime::At(pod, {"metadata", "annotations"}),
                      kMirrorKey);
}
bool IsStatic(const Json& pod) {
  return !IsMirror(pod) && Annotation(pod, kSourceKey) == "file";
}
bool HostNetwork(const Json& pod) {
  return runtime::BoolAt(runtime::At(pod, "spec"), "hostNetwork");
}

std::string PodRestartPolicy(const Json& pod) {
  return runtime::StringAt(pod, {"spec", "restartPolicy"}, "Always");
}

bool RestartsAfter(const Json& pod, const ContainerSpec& container,
                   int exit_code) {
  if (container.kind == ContainerKind::kEphemeral) return false;
  if (container.sidecar) return true;
  bool restart = false;
  if (container.json != nullptr) {
    if (MatchRules(runtime::ArrayAt(*container.json, "restartPolicyRules"),
                   exit_code, restart)) {
      return restart;
    }
  }
  std::string policy = PodRestartPolicy(pod);
  if (container.json != nullptr) {
    policy = runtime::StringAt(*container.json, "restartPolicy", policy);
  }
  // An init container that succeeded is done, whatever the policy.
  if (container.kind == ContainerKind::kInit && exit_code == 0) return false;
  if (policy == "Never") return false;
  return policy == "Always" || exit_code != 0;
}

Qos QosClass(const Json& pod) {
  bool any = false;
  bool guaranteed = true;
  for (const ContainerSpec& spec : Containers(pod)) {
    if (spec.kind == ContainerKind::kEphemeral) continue;
    const Json& resources = runtime::At(*spec.json, "resources");
    for (const char* name : {"cpu", "memory"}) {
      const Json& limit = runtime::At(resources, {"limits", name});
      const Json& request = runtime::At(resources, {"requests", name});
      any |= !IsZero(limit) || !IsZero(request);
      guaranteed &= !IsZero(limit) && (request.is_null() || request == limit);
    }
  }
  if (!any) return Qos::kBestEffort;
  return guaranteed ? Qos::kGuaranteed : Qos::kBurstable;
}

std::string QosName(Qos qos) {
  switch (qos) {
    case Qos::kGuaranteed:
      return "Guaranteed";
    case Qos::kBurstable:
      return "Burstable";
    case Qos::kBestEffort:
      break;
  }
  return "BestEffort";
}

std::string ContainerHash(const Json& container) {
  // FNV-1a, 32 bit, over the two fields that cannot change in place.
  uint32_t hash = 2166136261u;
  auto mix = [&hash](absl::string_view text) {
    for (unsigned char c : text) hash = (hash ^ c) * 16777619u;
    hash *= 16777619u;
  };
  mix(runtime::StringAt(container, "name"));
  mix(runtime::StringAt(container, "image"));
  return absl::StrFormat("%x", hash);
}

absl::Duration SpecGrace(const Json& pod) {
  return absl::Seconds(runtime::IntAt(runtime::At(pod, "spec"),
                                      "terminationGracePeriodSeconds", 30));
}

std::string FormatApiTime(absl::Time time) {
  if (time == absl::InfinitePast()) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::Time ParseApiTime(const std::string& text) {
  absl::Time time;
  std::string error;
  if (text.empty() ||
      !absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return absl::InfinitePast();
  }
  return time;
}

}  // namespace agent::status
