// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/object/object_cache.h"
#include "agent/object/references.h"
#include "agent/object/service_watch.h"
#include "agent/object/source.h"
#include "agent/object/token_cache.h"
#include "runtime/base/executor.h"

namespace agent::object {
namespace {

using runtime::StringAt;

class ApiSource : public Source {
 public:
  ApiSource(api::Client* client, runtime::Executor* executor,
            absl::Duration refresh)
      : executor_(executor),
        refresh_(refresh),
        objects_(client),
        tokens_(client),
        services_(client) {
    absl::MutexLock lock(&mutex_);
    Schedule();
  }

  ~ApiSource() override {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (executor_->Cancel(timer_)) --running_;
    mutex_.Await(absl::Condition(
        +[](int* running) { return *running == 0; }, &running_));
  }

  absl::StatusOr<JsonPtr> ConfigMap(const std::string& ns,
                                    const std::string& name) override {
    return objects_.Get({Kind::kConfigMap, ns, name});
  }
  absl::StatusOr<JsonPtr> Secret(const std::string& ns,
                                 const std::string& name) override {
    return objects_.Get({Kind::kSecret, ns, name});
  }
  absl::StatusOr<std::vector<JsonPtr>> Services(
      const std::string& ns) override {
    return services_.InNamespace(ns);
  }
  absl::StatusOr<Token> ServiceAccountToken(
      const Json& pod, const std::vector<std::string>& audiences,
      int64_t expiration_seconds) override {
    return tokens_.Get(pod, audiences, expiration_seconds);
  }

  // Reads ahead what the pod will ask for, while its sandbox is being made. A
  // failure is not kept: the one who needs the object asks again.
  void Register(const Json& pod) override {
    std::string uid = StringAt(pod, {"metadata", "uid"});
    std::vector<Key> added = objects_.Register(uid, ReferencesOf(pod));
    {
      absl::MutexLock lock(&mutex_);
      if (pods_.insert(uid).second) {
        auto copy = std::make_shared<const Json>(pod);
        for (const TokenReference& token : TokensOf(pod)) {
          Post([this, copy, token] {
            tokens_.Get(*copy, token.audiences, token.expiration_seconds)
                .status()
                .IgnoreError();
          });
        }
      }
      for (const Key& key : added) {
        Post([this, key] { objects_.Get(key).status().IgnoreError(); });
      }
    }
  }

  void Unregister(const std::string& pod_uid) override {
    objects_.Unregister(pod_uid);
    tokens_.Drop(pod_uid);
    absl::MutexLock lock(&mutex_);
    pods_.erase(pod_uid);
  }

  void SetListener(std::function<void(const std::string&)> on_change) override {
    absl::MutexLock lock(&listener_mutex_);
    on_change_ = std::move(on_change);
  }

 private:
  bool Stopping() {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  runtime::Task Counted(runtime::Task task)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ++running_;
    return [this, task = std::move(task)] {
      if (!Stopping()) task();
      absl::MutexLock lock(&mutex_);
      --running_;
    };
  }
  void Post(runtime::Task task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    executor_->Post(Counted(std::move(task)));
  }

  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    timer_ = executor_->PostAfter(refresh_, Counted([this] { Refresh(); }));
  }

  void Refresh() {
    std::set<std::string> changed =
        objects_.Refresh([this] { return Stopping(); });
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      Schedule();
    }
    absl::MutexLock lock(&listener_mutex_);
    if (on_change_ == nullptr) return;
    for (const std::string& uid : changed) on_change_(uid);
  }

  runtime::Executor* const executor_;
  const absl::Duration refresh_;
  ObjectCache objects_;
  TokenCache tokens_;
  ServiceWatch services_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  runtime::Executor::TimerId timer_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> pods_ ABSL_GUARDED_BY(mutex_);
  // Held while the listener runs, so that it can be taken away for good.
  absl::Mutex listener_mutex_;
  std::function<void(const std::string&)> on_change_
      ABSL_GUARDED_BY(listener_mutex_);
};

}  // namespace

std::unique_ptr<Source> MakeApiSource(api::Client* client,
                                      runtime::Executor* executor,
                                      absl::Duration refresh) {
  return std::make_unique<ApiSource>(client, executor, refresh);
}

}  // namespace agent::object
