// SPDX-License-Identifier: Apache-2.0
#include "agent/status/drift.h"

#include <utility>

#include "agent/status/status.h"

namespace agent::status {
namespace {

bool SaysNothing(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return true;
    case Json::value_t::boolean:
      return !value.get<bool>();
    case Json::value_t::string:
    case Json::value_t::object:
    case Json::value_t::array:
      return value.empty() || value == "";
    default:
      return value == 0;
  }
}

// Entries of lists stay, so that their number counts.
Json Compact(const Json& value) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(Compact(item));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, item] : value.items()) {
    Json small = Compact(item);
    if (!SaysNothing(small)) out[key] = std::move(small);
  }
  return out;
}

Json Pick(const Json& from, std::initializer_list<const char*> keys) {
  Json out = Json::object();
  for (const char* key : keys) out[key] = runtime::At(from, key);
  return out;
}

}  // namespace

Json OwnPart(const Json& status) {
  Json out = {{"phase", runtime::At(status, "phase")},
              {"conditions", Json::object()}};
  for (const Json& item : runtime::ArrayAt(status, "conditions")) {
    const std::string type = runtime::StringAt(item, "type");
    if (!IsOwnCondition(type)) continue;
    out["conditions"][type] = Pick(item, {"status", "reason", "message"});
  }
  for (const char* list : {"initContainerStatuses", "containerStatuses",
                           "ephemeralContainerStatuses"}) {
    for (const Json& item : runtime::ArrayAt(status, list)) {
      out[list][runtime::StringAt(item, "name")] =
          Pick(item, {"name", "state", "lastState", "ready", "started",
                      "restartCount", "containerID"});
    }
  }
  return Compact(out);
}

}  // namespace agent::status
