// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/adapt.h"

#include <linux/capability.h>
#include <sys/capability.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/caps/caps.h"
#include "runtime/spec/rlimit.h"

namespace runtime::external {
namespace {

bool CanBeGiven(const Json& name, uint64_t capabilities) {
  cap_value_t value;
  // What nobody knows is the runtime's to judge.
  return !name.is_string() ||
         cap_from_name(name.get_ref<const std::string&>().c_str(), &value) !=
             0 ||
         value > 63 || ((capabilities >> value) & 1) != 0;
}

void CutNumber(uint64_t most, const char* key, Json* object) {
  if (!object->is_object()) return;
  auto it = object->find(key);
  if (it == object->end() || !it->is_number()) return;
  if (it->get<uint64_t>() > most) *it = most;
}

}  // namespace

Privileges Privileges::Own() {
  Privileges own;
  own.capabilities = caps::Permitted();
  if (((own.capabilities >> CAP_SYS_RESOURCE) & 1) != 0) return own;
  absl::StatusOr<std::string> text = ReadFile("/proc/self/oom_score_adj");
  int score = 0;
  own.least_oom_score_adj =
      text.ok() && absl::SimpleAtoi(*text, &score) ? score : 0;
  for (const auto& [name, resource] : spec::kRlimits) {
    rlimit value;
    if (getrlimit(static_cast<__rlimit_resource_t>(resource), &value) == 0 &&
        value.rlim_max != RLIM_INFINITY) {
      own.hard_limits[name] = value.rlim_max;
    }
  }
  return own;
}

void Clamp(const Privileges& privileges, Json* process) {
  if (!process->is_object()) return;
  if (auto score = process->find("oomScoreAdj");
      score != process->end() && score->is_number_integer()) {
    *score = std::max<int64_t>(score->get<int64_t>(),
                               privileges.least_oom_score_adj);
  }
  if (auto sets = process->find("capabilities");
      sets != process->end() && sets->is_object()) {
    for (Json& set : *sets) {
      if (!set.is_array()) continue;
      Json kept = Json::array();
      for (const Json& name : set) {
        if (CanBeGiven(name, privileges.capabilities)) kept.push_back(name);
      }
      set = std::move(kept);
    }
  }
  auto limits = process->find("rlimits");
  if (limits == process->end() || !limits->is_array()) return;
  for (Json& limit : *limits) {
    auto most = privileges.hard_limits.find(StringAt(limit, "type"));
    if (most == privileges.hard_limits.end()) continue;
    CutNumber(most->second, "hard", &limit);
    CutNumber(most->second, "soft", &limit);
  }
}

absl::Status NameLimit(const Json& config, const absl::Status& created) {
  if (created.ok()) return created;
  const absl::string_view words = created.message();
  const Json& resources = At(At(config, "linux"), "resources");
  std::string field;
  for (const char* list : {"cpus", "mems"}) {
    if (!StringAt(At(resources, "cpu"), list).empty() &&
        absl::StrContains(words, absl::StrCat("cpuset.", list))) {
      field = absl::StrCat("cpu.", list);
    }
  }
  const Json& unified = ObjectAt(resources, "unified");
  if (!unified.empty() && absl::StrContains(words, "unified")) {
    field = "unified";
  }
  for (const auto& [file, value] : unified.items()) {
    if (absl::StrContains(words, file)) {
      field = absl::StrCat("unified[\"", file, "\"]");
    }
  }
  if (field.empty()) return created;
  return absl::InvalidArgumentError(
      absl::StrCat("linux.resources.", field, ": ", words));
}

void JoinPod(const Namespaces& pod, Json* config) {
  Json& namespaces = (*config)["linux"]["namespaces"];
  if (!namespaces.is_array()) namespaces = Json::array();
  for (const auto& [type, path] : pod) {
    const bool named = std::any_of(namespaces.begin(), namespaces.end(),
                                   [&name = type](const Json& one) {
                                     return StringAt(one, "type") == name;
                                   });
    if (!named) namespaces.push_back(Json{{"type", type}, {"path", path}});
  }
}

}  // namespace runtime::external
