// SPDX-License-Identifier: Apache-2.0
// Registry maps IDs to objects and finds one by any unique prefix of its ID,
// all with a prefix, or those of a group, without a look at all others.
#ifndef CORACLE_CRI_SANDBOX_REGISTRY_H_
#define CORACLE_CRI_SANDBOX_REGISTRY_H_

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace cri::sandbox {

// Thread safe. T has a member `id`. `noun` names the kind in errors,
// `groups_of` the groups of an object, which stay the same while it is here.
template <typename T>
class Registry {
 public:
  using GroupsOf = std::vector<std::string> (*)(const T&);

  Registry(std::string noun, GroupsOf groups_of)
      : noun_(std::move(noun)), groups_of_(groups_of) {}

  void Add(std::shared_ptr<T> item) {
    absl::MutexLock lock(&mutex_);
    for (const std::string& group : groups_of_(*item)) {
      groups_[group].push_back(item);
    }
    items_[item->id] = std::move(item);
  }

  void Remove(const std::string& id) {
    absl::MutexLock lock(&mutex_);
    auto it = items_.find(id);
    if (it == items_.end()) return;
    for (const std::string& name : groups_of_(*it->second)) {
      auto group = groups_.find(name);
      if (group == groups_.end()) continue;  // named twice
      std::erase(group->second, it->second);
      if (group->second.empty()) groups_.erase(group);
    }
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

  // Those whose ID starts with `prefix`, in the order of their IDs.
  std::vector<std::shared_ptr<T>> List(absl::string_view prefix = "") const {
    absl::MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<T>> result;
    if (prefix.empty()) result.reserve(items_.size());
    for (auto it = items_.lower_bound(std::string(prefix));
         it != items_.end() && absl::StartsWith(it->first, prefix); ++it) {
      result.push_back(it->second);
    }
    return result;
  }

  // In the order in which they were added.
  std::vector<std::shared_ptr<T>> ListGroup(const std::string& group) const {
    absl::MutexLock lock(&mutex_);
    auto it = groups_.find(group);
    return it == groups_.end() ? std::vector<std::shared_ptr<T>>() : it->second;
  }

  // Whether `is_wanted` says so of one of a group. It must not call this
  // object.
  bool AnyOfGroup(const std::string& group,
                  absl::FunctionRef<bool(const T&)> is_wanted) const {
    absl::MutexLock lock(&mutex_);
    auto it = groups_.find(group);
    return it != groups_.end() &&
           std::any_of(it->second.begin(), it->second.end(),
                       [&](const auto& item) { return is_wanted(*item); });
  }

 private:
  const std::string noun_;
  const GroupsOf groups_of_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<T>> items_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<T>>> groups_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_REGISTRY_H_
