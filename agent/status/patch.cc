// SPDX-License-Identifier: Apache-2.0
// The strategic merge patch between two pod statuses.
#include <set>
#include <string>

#include "agent/status/status.h"
#include "agent/status/writer.h"

namespace agent::status {
namespace {

// A list that merges by `key`: entries that are new or changed, and a delete
// directive for each that went away. Without directives the server would keep
// an old pod IP beside the new one.
Json MergeList(const Json& before, const Json& after, const char* key,
               bool delete_missing) {
  Json out = Json::array();
  std::set<std::string> kept;
  for (const Json& item : after) {
    std::string id = runtime::StringAt(item, key);
    kept.insert(id);
    bool same = false;
    for (const Json& old : before) same |= old == item;
    if (same) continue;
    Json entry = item;
    // Keys that the old entry had and the new one has not.
    for (const Json& old : before) {
      if (runtime::StringAt(old, key) != id) continue;
      for (const auto& [name, unused] : old.items()) {
        if (!entry.contains(name)) entry[name] = nullptr;
      }
    }
    out.push_back(std::move(entry));
  }
  if (!delete_missing) return out;
  for (const Json& item : before) {
    std::string id = runtime::StringAt(item, key);
    if (!kept.contains(id)) out.push_back({{key, id}, {"$patch", "delete"}});
  }
  return out;
}

Json OwnConditions(const Json& list) {
  Json out = Json::array();
  for (const Json& item : list) {
    if (IsOwnCondition(runtime::StringAt(item, "type"))) out.push_back(item);
  }
  return out;
}

const char* MergeKey(const std::string& field) {
  if (field == "conditions") return "type";
  if (field == "podIPs" || field == "hostIPs") return "ip";
  return nullptr;
}

// Kept in a status as it came, written by others.
bool IsForeign(const std::string& field) {
  return field == "nominatedNodeName" || field == "resourceClaimStatuses" ||
         field == "resize";
}

}  // namespace

Json MakePatch(const std::string& uid, const Json& before, const Json& after) {
  static const Json* const kEmpty = new Json(Json::object());
  const Json& old = before.is_object() ? before : *kEmpty;
  Json changes = Json::object();
  for (const auto& [field, value] : after.items()) {
    if (IsForeign(field)) continue;
    const Json& was = runtime::At(old, field);
    if (was == value) continue;
    if (const char* key = MergeKey(field)) {
      // Conditions of others are not ours to change or remove.
      const bool conditions = field == "conditions";
      Json list = MergeList(runtime::ArrayAt(old, field),
                            conditions ? OwnConditions(value) : value, key,
                            !conditions);
      if (!list.empty()) changes[field] = std::move(list);
    } else {
      changes[field] = value;
    }
  }
  for (const char* field :
       {"reason", "message", "podIP", "podIPs", "initContainerStatuses",
        "containerStatuses", "ephemeralContainerStatuses"}) {
    if (old.contains(field) && !after.contains(field)) {
      changes[field] = nullptr;
    }
  }
  if (changes.empty()) return Json();
  return {{"metadata", {{"uid", uid}}}, {"status", changes}};
}

}  // namespace agent::status
