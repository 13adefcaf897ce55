// SPDX-License-Identifier: Apache-2.0
#include "agent/object/object_cache.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace agent::object {
namespace {

using runtime::BoolAt;
using runtime::StringAt;

std::string Version(const JsonPtr& object) {
  if (object == nullptr) return "";
  return StringAt(*object, {"metadata", "resourceVersion"});
}

}  // namespace

absl::StatusOr<JsonPtr> ObjectCache::Fetch(const Key& key) {
  if (!IsObjectName(key.ns) || !IsObjectName(key.name)) {
    return absl::NotFoundError(
        absl::StrCat("\"", key.ns, "/", key.name, "\" is no object's name"));
  }
  ASSIGN_OR_RETURN(
      Json object,
      client_->Get(absl::StrCat(
          "/api/v1/namespaces/", key.ns,
          key.kind == Kind::kSecret ? "/secrets/" : "/configmaps/", key.name)));
  if (object.is_object()) object["metadata"].erase("managedFields");
  return std::make_shared<const Json>(std::move(object));
}

absl::StatusOr<JsonPtr> ObjectCache::FetchInto(
    const Key& key, const std::shared_ptr<Entry>& entry) {
  entry->fetching = true;
  mutex_.Unlock();
  absl::StatusOr<JsonPtr> object = Fetch(key);
  mutex_.Lock();
  entry->fetching = false;
  fetched_.SignalAll();
  if (object.ok()) {
    entry->object = *object;
    entry->fresh = true;
  } else if (absl::IsNotFound(object.status())) {
    entry->object = nullptr;
    entry->fresh = false;
  } else if (entry->object != nullptr && !entry->pods.empty() &&
             !absl::IsPermissionDenied(object.status())) {
    return entry->object;
  }
  return object;
}

absl::StatusOr<JsonPtr> ObjectCache::Get(const Key& key) {
  absl::MutexLock lock(&mutex_);
  auto it = entries_.find(key);
  if (it == entries_.end()) {  // nobody registered it: not worth keeping
    mutex_.Unlock();
    absl::StatusOr<JsonPtr> object = Fetch(key);
    mutex_.Lock();
    return object;
  }
  std::shared_ptr<Entry> entry = it->second;
  while (entry->fetching) fetched_.Wait(&mutex_);
  if (entry->fresh) return entry->object;
  return FetchInto(key, entry);
}

void ObjectCache::Drop(const std::string& uid, const std::set<Key>& keys) {
  for (const Key& key : keys) {
    auto it = entries_.find(key);
    if (it == entries_.end()) continue;
    it->second->pods.erase(uid);
    if (it->second->pods.empty()) entries_.erase(it);
  }
}

std::vector<Key> ObjectCache::Register(const std::string& uid,
                                       std::set<Key> keys) {
  absl::MutexLock lock(&mutex_);
  std::set<Key>& known = pods_[uid];
  std::set<Key> gone;
  for (const Key& key : known) {
    if (keys.count(key) == 0) gone.insert(key);
  }
  Drop(uid, gone);
  std::vector<Key> added;
  for (const Key& key : keys) {
    if (known.count(key) != 0) continue;
    std::shared_ptr<Entry>& entry = entries_[key];
    if (entry == nullptr) entry = std::make_shared<Entry>();
    entry->pods.insert(uid);
    bool immutable =
        entry->object != nullptr && BoolAt(*entry->object, "immutable");
    if (!immutable) entry->fresh = false;
    if (!entry->fresh) added.push_back(key);
  }
  known = std::move(keys);
  return added;
}

void ObjectCache::Unregister(const std::string& uid) {
  absl::MutexLock lock(&mutex_);
  auto it = pods_.find(uid);
  if (it == pods_.end()) return;
  Drop(uid, it->second);
  pods_.erase(it);
}

std::set<std::string> ObjectCache::Refresh(
    const std::function<bool()>& stopping) {
  std::set<std::string> changed;
  absl::MutexLock lock(&mutex_);
  std::vector<Key> keys;
  for (const auto& [key, entry] : entries_) {
    if (entry->object == nullptr || !BoolAt(*entry->object, "immutable")) {
      keys.push_back(key);
    }
  }
  for (const Key& key : keys) {
    if (stopping()) break;
    auto it = entries_.find(key);
    if (it == entries_.end() || it->second->fetching) continue;
    std::shared_ptr<Entry> entry = it->second;
    std::string before = Version(entry->object);
    // A failure leaves the old object; whoever needs it will be told.
    FetchInto(key, entry).status().IgnoreError();
    if (Version(entry->object) != before) {
      changed.insert(entry->pods.begin(), entry->pods.end());
    }
  }
  return changed;
}

}  // namespace agent::object
