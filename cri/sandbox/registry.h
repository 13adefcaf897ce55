// SPDX-License-Identifier: Apache-2.0
// Registry maps IDs to objects and finds one by any unique prefix of its ID, or
// those of a group, without a look at all others.
#ifndef CORACLE_CRI_SANDBOX_REGISTRY_H_
#define CORACLE_CRI_SANDBOX_REGISTRY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace cri::sandbox {

// Thread safe. T has a member `id`. `noun` names the kind in errors, `group`
// the group of an object, which stays the same while it is here.
template <typename T>
class Registry {
 public:
  using Group = std::string (*)(const T&);

  Registry(std::string noun, Group group)
      : noun_(std::move(noun)), group_(group) {}

  void Add(std::shared_ptr<T> item) {
    absl::MutexLock lock(&mutex_);
    groups_[group_(*item)].push_back(item);
    items_[item->id] = std::move(item);
  }

  void Remove(const std::string& id) {
    absl::MutexLock lock(&mutex_);
    auto it = items_.find(id);
    if (it == items_.end()) return;
    auto group = groups_.find(group_(*it->second));
    std::erase(group->second, it->second);
    if (group->second.empty()) groups_.erase(group);
    items_.erase(it);
  }

  // The one item whose ID starts with `prefix`; NOT_FOUND if there is none,
  // INVALID_ARGUMENT if `prefix` is empty or fits several.
  absl::StatusOr<std::shared_ptr<T>> Find(absl::string_view prefix) const {
    if (prefix.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(noun_, " id is empty"));
    }
    absl::MutexLock lock(&mutex_);
    auto it = items_.lower_bound(std::string(prefix));
    if (it == items_.end() || !absl::StartsWith(it->first, prefix)) {
      return absl::NotFoundError(
          absl::StrCat("no ", noun_, " with id \"", prefix, "\""));
    }
    auto next = std::next(it);
    if (it->first != prefix && next != items_.end() &&
        absl::StartsWith(next->first, prefix)) {
      return absl::InvalidArgumentError(absl::StrCat(
          noun_, " id prefix \"", prefix, "\" fits more than one"));
    }
    return it->second;
  }

  std::vector<std::shared_ptr<T>> List() const {
    absl::MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<T>> result;
    result.reserve(items_.size());
    for (const auto& [id, item] : items_) result.push_back(item);
    return result;
  }

  // In the order in which they were added.
  std::vector<std::shared_ptr<T>> ListGroup(const std::string& group) const {
    absl::MutexLock lock(&mutex_);
    auto it = groups_.find(group);
    return it == groups_.end() ? std::vector<std::shared_ptr<T>>() : it->second;
  }

 private:
  const std::string noun_;
  const Group group_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<T>> items_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<T>>> groups_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_REGISTRY_H_
