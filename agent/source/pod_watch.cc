// SPDX-License-Identifier: Apache-2.0
#include "agent/source/pod_watch.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/api/version.h"
#include "runtime/base/status.h"

namespace agent::source {
namespace {

constexpr char kPods[] = "/api/v1/pods";
constexpr absl::Duration kFirstPause = absl::Milliseconds(800);
constexpr absl::Duration kMaxPause = absl::Seconds(30);
// A watch that lasted so long worked, even if nothing happened.
constexpr absl::Duration kLongWatch = absl::Seconds(5);

}  // namespace

PodWatch::PodWatch(api::Client* client, std::string node_name,
                   Handlers handlers)
    : client_(client),
      selector_(absl::StrCat("spec.nodeName=", node_name)),
      handlers_(std::move(handlers)) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "pod-watch");
    Run();
  });
}

PodWatch::~PodWatch() {
  stopping_.Notify();
  cancel_.Cancel();
  thread_.join();
}

void PodWatch::Run() {
  while (!stopping_.HasBeenNotified()) {
    if (version_.empty()) {
      absl::Status status = List();
      if (stopping_.HasBeenNotified()) return;
      if (!status.ok() && !Pause(status)) return;
      continue;
    }
    absl::Time began = absl::Now();
    absl::Status status = Watch();
    if (stopping_.HasBeenNotified()) return;
    bool gone = api::IsGone(status);
    if (gone) version_.clear();
    // Only a watch that worked ends the back-off: a server that forgets each
    // version, or ends each watch at once, is not hurried.
    if (news_ || absl::Now() - began > kLongWatch) {
      pause_ = absl::ZeroDuration();
      if (status.ok() || gone) continue;
    }
    if (!Pause(status)) return;
  }
}

bool PodWatch::Pause(const absl::Status& why) {
  pause_ = pause_ == absl::ZeroDuration() ? kFirstPause
                                          : std::min(pause_ * 2, kMaxPause);
  // A version that is forgotten is listed anew; the server is there.
  if (!why.ok() && !api::IsGone(why)) outage_.Failed(why);
  absl::BitGen random;
  absl::Duration wait = pause_ * absl::Uniform(random, 0.5, 1.0);
  return !stopping_.WaitForNotificationWithTimeout(wait);
}

absl::StatusOr<Json> PodWatch::GetList(bool current) {
  api::Query query = {{"fieldSelector", selector_}};
  if (!current) query.emplace_back("resourceVersion", "0");
  return client_->Get(kPods, query);
}

bool PodWatch::TakeList(const Json& list, bool current) {
  std::vector<Json> pods;
  for (const Json& item : runtime::ArrayAt(list, "items")) {
    pods.push_back(item);
  }
  return handlers_.on_list(std::move(pods), current) || current;
}

absl::Status PodWatch::List() {
  bool current = listed_;
  auto list = GetList(current);
  if (!list.ok() && !current && !absl::IsUnavailable(list.status())) {
    // "Too large resource version" and the like: ask for the newest.
    current = true;
    list = GetList(current);
  }
  if (list.ok() && !TakeList(*list, current)) {
    current = true;
    list = GetList(current);
    if (list.ok()) TakeList(*list, current);
  }
  if (!list.ok()) return runtime::Annotate(list.status(), "list");
  outage_.Over();
  listed_ = true;
  version_ = api::VersionOf(*list);
  if (version_.empty()) {
    return absl::DataLossError("list: the server sent no resourceVersion");
  }
  return absl::OkStatus();
}

absl::Status PodWatch::Watch() {
  absl::BitGen random;
  api::Query query = {
      {"watch", "true"},
      {"fieldSelector", selector_},
      {"resourceVersion", version_},
      {"allowWatchBookmarks", "true"},
      {"timeoutSeconds", absl::StrCat(absl::Uniform(random, 300, 600))}};
  news_ = false;
  return client_->Watch(
      kPods, query, cancel_,
      [this](api::WatchEvent event) {
        news_ = true;
        std::string version = api::VersionOf(event.object);
        if (event.type == "ADDED" || event.type == "MODIFIED") {
          handlers_.on_pod(std::move(event.object));
        } else if (event.type == "DELETED") {
          handlers_.on_gone(std::move(event.object));
        }
        if (!version.empty()) version_ = version;
        return !stopping_.HasBeenNotified();
      },
      [this] { outage_.Over(); });
}

}  // namespace agent::source
