// SPDX-License-Identifier: Apache-2.0
// An API server in a map: Get finds what Put put, Create and the other writes
// are answered by a function, a watch gets what Emit sends. Counts calls.
// Thread safe.
#ifndef CORACLE_TESTS_SUPPORT_FAKE_API_CLIENT_H_
#define CORACLE_TESTS_SUPPORT_FAKE_API_CLIENT_H_

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/api/client.h"

namespace agent::api {

class FakeClient : public Client {
 public:
  using Writer = std::function<absl::StatusOr<Json>(const std::string& path,
                                                    const Json& object)>;

  void Put(const std::string& path, Json object) {
    absl::MutexLock lock(&mutex_);
    objects_[path] = std::move(object);
  }
  void Remove(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    objects_.erase(path);
  }
  // Every Get fails with this; OK: they work again.
  void FailReads(absl::Status status) {
    absl::MutexLock lock(&mutex_);
    read_error_ = std::move(status);
  }
  void OnCreate(Writer writer) {
    absl::MutexLock lock(&mutex_);
    create_ = std::move(writer);
  }
  void OnPatch(Writer writer) {
    absl::MutexLock lock(&mutex_);
    patch_ = std::move(writer);
  }
  void Emit(WatchEvent event) {
    absl::MutexLock lock(&mutex_);
    events_.push_back(std::move(event));
  }
  // Ends the watch that runs, or the next one, with `status`.
  void EndWatch(absl::Status status) {
    absl::MutexLock lock(&mutex_);
    watch_ends_.push_back(std::move(status));
  }
  int gets(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    return gets_[path];
  }
  int creates() {
    absl::MutexLock lock(&mutex_);
    return creates_;
  }
  // Blocks until all that was emitted has been handed out.
  bool WaitForEvents(absl::Duration limit = absl::Seconds(10)) {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(
                                       +[](FakeClient* c) {
                                         c->mutex_.AssertHeld();
                                         return c->events_.empty() &&
                                                c->watch_ends_.empty() &&
                                                !c->delivering_;
                                       },
                                       this),
                                   limit);
  }

  absl::StatusOr<Json> Get(const std::string& path, const Query&) override {
    absl::MutexLock lock(&mutex_);
    ++gets_[path];
    if (!read_error_.ok()) return read_error_;
    auto it = objects_.find(path);
    if (it == objects_.end()) return absl::NotFoundError(path);
    return it->second;
  }
  absl::StatusOr<Json> Create(const std::string& path, const Json& object,
                              const Query&) override {
    Writer writer;
    {
      absl::MutexLock lock(&mutex_);
      ++creates_;
      writer = create_;
    }
    if (writer == nullptr) return object;
    return writer(path, object);
  }
  absl::StatusOr<Json> Update(const std::string&, const Json& object) override {
    return object;
  }
  absl::StatusOr<Json> Patch(const std::string& path, PatchType,
                             const Json& patch) override {
    Writer writer;
    {
      absl::MutexLock lock(&mutex_);
      writer = patch_;
    }
    if (writer == nullptr) return patch;
    return writer(path, patch);
  }
  absl::Status Delete(const std::string& path, const Json&) override {
    Remove(path);
    return absl::OkStatus();
  }
  absl::Status Watch(const std::string&, const Query&,
                     const CancelToken& cancel, const OnEvent& on_event,
                     const std::function<void()>& on_open) override {
    if (on_open) on_open();
    while (!cancel.cancelled()) {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(
                                  +[](FakeClient* c) {
                                    c->mutex_.AssertHeld();
                                    return !c->events_.empty() ||
                                           !c->watch_ends_.empty();
                                  },
                                  this),
                              absl::Milliseconds(10));
      if (!events_.empty()) {
        WatchEvent event = std::move(events_.front());
        events_.pop_front();
        delivering_ = true;
        mutex_.Unlock();
        bool more = on_event(std::move(event));
        mutex_.Lock();
        delivering_ = false;
        if (!more) return absl::OkStatus();
        continue;
      }
      if (!watch_ends_.empty()) {
        absl::Status status = watch_ends_.front();
        watch_ends_.pop_front();
        return status;
      }
    }
    return absl::CancelledError("cancelled");
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, Json> objects_ ABSL_GUARDED_BY(mutex_);
  absl::Status read_error_ ABSL_GUARDED_BY(mutex_);
  Writer create_ ABSL_GUARDED_BY(mutex_), patch_ ABSL_GUARDED_BY(mutex_);
  std::deque<WatchEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::Status> watch_ends_ ABSL_GUARDED_BY(mutex_);
  bool delivering_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, int> gets_ ABSL_GUARDED_BY(mutex_);
  int creates_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace agent::api

#endif  // CORACLE_TESTS_SUPPORT_FAKE_API_CLIENT_H_
