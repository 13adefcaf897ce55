// SPDX-License-Identifier: Apache-2.0
#include "agent/status/writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/api/version.h"
#include "agent/status/drift.h"
#include "agent/status/spec.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::status {
namespace {

namespace log = ::runtime::log;

constexpr int kParallel = 6;
constexpr absl::Duration kLazy = absl::Milliseconds(300);
constexpr absl::Duration kFirstPause = absl::Milliseconds(200);
constexpr absl::Duration kMaxPause = absl::Seconds(20);
// Two writers with different opinions do not keep the server busy.
constexpr absl::Duration kRepairPause = absl::Seconds(1);

std::string Path(const Json& pod) {
  return absl::StrCat("/api/v1/namespaces/", Namespace(pod), "/pods/",
                      Name(pod));
}

// The next repair of a pod is not before a second from the last one.
template <typename Entry>
void PauseRepairs(Entry& entry) {
  if (entry.pause > absl::ZeroDuration()) return;
  entry.not_before =
      std::max(entry.not_before, entry.last_repair + kRepairPause);
  entry.last_repair = std::max(absl::Now(), entry.not_before);
}

}  // namespace

Writer::Writer(api::Client* client, runtime::Executor* executor)
    : client_(client), executor_(executor) {}

Writer::EntryPtr Writer::GetEntry(const std::string& uid) {
  EntryPtr& entry = entries_[uid];
  if (entry == nullptr) entry = std::make_shared<Entry>();
  return entry;
}

void Writer::Seed(const std::string& uid, std::shared_ptr<const Json> status) {
  if (client_ == nullptr) return;
  absl::MutexLock lock(&mutex_);
  EntryPtr entry = GetEntry(uid);
  if (entry->written == nullptr) entry->written = std::move(status);
}

void Writer::Set(std::shared_ptr<const Json> pod,
                 std::shared_ptr<const Json> status, bool urgent) {
  if (client_ == nullptr) return;
  absl::MutexLock lock(&mutex_);
  EntryPtr entry = GetEntry(Uid(*pod));
  entry->is_static = IsStatic(*pod);
  entry->pod = std::move(pod);
  entry->latest = status;
  entry->wanted = std::move(status);
  if (urgent) {
    if (entry->pause == absl::ZeroDuration()) {
      entry->not_before = absl::InfinitePast();
    }
  } else if (entry->not_before == absl::InfinitePast()) {
    entry->not_before = absl::Now() + kLazy;
  }
  Schedule(entry);
}

void Writer::SetTarget(const std::string& uid, const std::string& target) {
  if (client_ == nullptr) return;
  absl::MutexLock lock(&mutex_);
  EntryPtr entry = GetEntry(uid);
  if (entry->target == target) return;
  entry->target = target;
  entry->version.clear();
  entry->seen = nullptr;
  entry->written = nullptr;  // a new mirror pod has no status yet
  entry->wanted = entry->latest;
  if (entry->pod != nullptr) Schedule(entry);
}

void Writer::Observe(const std::string& uid, const Json& object) {
  if (client_ == nullptr) return;
  absl::MutexLock lock(&mutex_);
  auto it = entries_.find(uid);
  if (it == entries_.end()) return;
  const EntryPtr& entry = it->second;
  if (entry->is_static && Uid(object) != entry->target) return;
  if (api::IsNotNewer(api::VersionOf(object), entry->version)) return;
  Json seen = {{"metadata", {{"resourceVersion", api::VersionOf(object)}}},
               {"status", runtime::ObjectAt(object, "status")}};
  entry->seen = std::make_shared<const Json>(std::move(seen));
  Repair(entry);
}

void Writer::Repair(const EntryPtr& entry) {
  if (entry->busy || entry->seen == nullptr || entry->latest == nullptr) return;
  std::shared_ptr<const Json> seen = std::exchange(entry->seen, nullptr);
  const std::string version = api::VersionOf(*seen);
  if (api::IsNotNewer(version, entry->version)) return;
  entry->version = version;
  const Json& status = runtime::At(*seen, "status");
  Json own = OwnPart(status);
  if (own == OwnPart(*entry->latest) || own == entry->insisted) return;
  entry->written = std::make_shared<const Json>(status);
  entry->wanted = entry->latest;
  PauseRepairs(*entry);
  Schedule(entry);
}

void Writer::Delete(std::shared_ptr<const Json> pod,
                    std::function<void()> done) {
  if (client_ == nullptr) return executor_->Post(std::move(done));
  absl::MutexLock lock(&mutex_);
  EntryPtr entry = GetEntry(Uid(*pod));
  entry->pod = std::move(pod);
  entry->on_deleted = std::move(done);
  entry->deleting = true;
  Schedule(entry);
}

void Writer::Forget(const std::string& uid) {
  absl::MutexLock lock(&mutex_);
  auto it = entries_.find(uid);
  if (it == entries_.end()) return;
  it->second->forgotten = true;
  entries_.erase(it);
}

void Writer::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  ready_.clear();
  mutex_.Await(absl::Condition(
      +[](int* n) { return *n == 0; }, &running_));
}

void Writer::Schedule(const EntryPtr& entry) {
  if (stopping_ || entry->queued || entry->busy || entry->forgotten) return;
  absl::Time now = absl::Now();
  if (entry->not_before > now) {
    // A timer may find that the entry was written meanwhile: it asks again.
    executor_->PostAt(entry->not_before, [this, weak = std::weak_ptr(entry)] {
      EntryPtr again = weak.lock();
      if (again == nullptr) return;
      absl::MutexLock lock(&mutex_);
      if (again->not_before <= absl::Now()) {
        again->not_before = absl::InfinitePast();
      }
      Schedule(again);
    });
    return;
  }
  bool homeless = entry->is_static && entry->target.empty();
  if ((entry->wanted == nullptr || homeless) && !entry->deleting) return;
  entry->queued = true;
  ready_.push_back(entry);
  Pump();
}

void Writer::Pump() {
  while (!stopping_ && running_ < kParallel && !ready_.empty()) {
    EntryPtr entry = std::move(ready_.front());
    ready_.pop_front();
    entry->queued = false;
    entry->busy = true;
    ++running_;
    executor_->Post([this, entry] { Run(entry); });
  }
}

void Writer::Run(const EntryPtr& entry) {
  absl::Status status = Step(entry);
  absl::MutexLock lock(&mutex_);
  entry->busy = false;
  --running_;
  if (status.ok()) {
    entry->pause = absl::ZeroDuration();
  } else {
    if (entry->pause == absl::ZeroDuration()) {
      log::Warning("status of pod ", Describe(*entry->pod), ": ",
                   status.message());
    }
    entry->pause = entry->pause == absl::ZeroDuration()
                       ? kFirstPause
                       : std::min(entry->pause * 2, kMaxPause);
    entry->not_before = absl::Now() + entry->pause;
  }
  Repair(entry);
  Schedule(entry);
  Pump();
}

absl::Status Writer::Step(const EntryPtr& entry) {
  std::shared_ptr<const Json> pod, wanted, before;
  std::string uid;
  bool deleting;
  {
    absl::MutexLock lock(&mutex_);
    if (entry->forgotten) return absl::OkStatus();
    pod = entry->pod;
    wanted = std::exchange(entry->wanted, nullptr);
    before = entry->written;
    deleting = entry->deleting;
    uid = entry->is_static ? entry->target : Uid(*pod);
  }
  if (wanted != nullptr && !uid.empty()) {
    absl::Status status = WriteStatus(entry, *pod, uid, wanted, before);
    if (absl::IsAborted(status) || absl::IsAlreadyExists(status)) {
      status = AfterConflict(entry, *pod, uid, status);
    }
    // Gone: nobody waits for this status.
    if (absl::IsNotFound(status)) status = absl::OkStatus();
    if (!status.ok()) {
      absl::MutexLock lock(&mutex_);
      if (entry->wanted == nullptr) entry->wanted = std::move(wanted);
      return status;
    }
  }
  if (!deleting) return absl::OkStatus();
  return DeletePod(entry, *pod);
}

absl::Status Writer::WriteStatus(const EntryPtr& entry, const Json& pod,
                                 const std::string& uid,
                                 std::shared_ptr<const Json> wanted,
                                 std::shared_ptr<const Json> before) {
  static const Json* const kNone = new Json();
  Json patch = MakePatch(uid, before == nullptr ? *kNone : *before, *wanted);
  Json answer;
  if (!patch.is_null()) {
    ASSIGN_OR_RETURN(answer,
                     client_->Patch(Path(pod) + "/status",
                                    api::PatchType::kStrategicMerge, patch));
  }
  absl::MutexLock lock(&mutex_);
  // Unless a new mirror pod has taken its place meanwhile: that has no status.
  const bool same = !entry->is_static || entry->target == uid;
  if (!same || entry->written != before) return absl::OkStatus();
  entry->written = wanted;
  TakeAnswer(entry, answer, std::move(wanted));
  return absl::OkStatus();
}

void Writer::TakeAnswer(const EntryPtr& entry, const Json& answer,
                        std::shared_ptr<const Json> wanted) {
  if (std::string version = api::VersionOf(answer); !version.empty()) {
    entry->version = std::move(version);
  }
  const Json& status = runtime::At(answer, "status");
  if (!status.is_object()) return;
  Json own = OwnPart(status);
  if (own == OwnPart(*wanted)) {
    entry->insisted = nullptr;
    return;
  }
  if (own == entry->insisted) return;
  // Somebody wrote in between, or the server has a form of its own: one more
  // write from what it has tells.
  entry->insisted = std::move(own);
  entry->written = std::make_shared<const Json>(status);
  if (entry->wanted == nullptr) entry->wanted = std::move(wanted);
  PauseRepairs(*entry);
}

absl::Status Writer::AfterConflict(const EntryPtr& entry, const Json& pod,
                                   const std::string& uid,
                                   const absl::Status& why) {
  auto now = client_->Get(Path(pod));
  if (absl::IsNotFound(now.status())) return absl::OkStatus();
  RETURN_IF_ERROR(now.status());
  if (Uid(*now) != uid) return absl::OkStatus();  // a namesake
  absl::MutexLock lock(&mutex_);
  if (entry->is_static && entry->target != uid) return why;
  entry->written =
      std::make_shared<const Json>(runtime::ObjectAt(*now, "status"));
  entry->version = api::VersionOf(*now);
  return why;
}

absl::Status Writer::DeletePod(const EntryPtr& entry, const Json& pod) {
  Json options = {{"apiVersion", "v1"},
                  {"kind", "DeleteOptions"},
                  {"gracePeriodSeconds", 0},
                  {"preconditions", {{"uid", Uid(pod)}}}};
  absl::Status status = client_->Delete(Path(pod), options);
  // Another UID under this name (409) means that ours is gone, too.
  bool gone = status.ok() || absl::IsNotFound(status) ||
              absl::IsAborted(status) || absl::IsAlreadyExists(status);
  if (!gone) return runtime::Annotate(status, "delete");
  std::function<void()> done;
  {
    absl::MutexLock lock(&mutex_);
    entry->deleting = false;
    done = std::exchange(entry->on_deleted, nullptr);
  }
  if (done) done();
  return absl::OkStatus();
}

}  // namespace agent::status
