// SPDX-License-Identifier: Apache-2.0
#include "agent/source/pod_watch.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::source {
namespace {

namespace log = ::runtime::log;

constexpr char kPods[] = "/api/v1/pods";
constexpr absl::Duration kFirstPause = absl::Milliseconds(800);
constexpr absl::Duration kMaxPause = absl::Seconds(30);

std::string VersionOf(const Json& object) {
  return runtime::StringAt(object, {"metadata", "resourceVersion"});
}

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
    absl::Status status = version_.empty() ? List() : Watch();
    if (stopping_.HasBeenNotified()) return;
    if (status.ok()) {
      pause_ = absl::ZeroDuration();
      continue;
    }
    if (api::IsGone(status)) {
      // The first list is free; a server that keeps forgetting is not hurried.
      bool known = !version_.empty();
      version_.clear();
      if (known && pause_ == absl::ZeroDuration()) continue;
    }
    if (!Pause(status)) return;
  }
}

bool PodWatch::Pause(const absl::Status& why) {
  pause_ = pause_ == absl::ZeroDuration() ? kFirstPause
                                          : std::min(pause_ * 2, kMaxPause);
  log::Warning("pod watch: ", why.message());
  absl::BitGen random;
  absl::Duration wait = pause_ * absl::Uniform(random, 0.5, 1.0);
  return !stopping_.WaitForNotificationWithTimeout(wait);
}

absl::Status PodWatch::List() {
  api::Query query = {{"fieldSelector", selector_}, {"resourceVersion", "0"}};
  auto list = client_->Get(kPods, query);
  if (!list.ok() && !absl::IsUnavailable(list.status())) {
    // "Too large resource version" and the like: ask for the newest.
    query.pop_back();
    list = client_->Get(kPods, query);
  }
  if (!list.ok()) return runtime::Annotate(list.status(), "list");
  std::vector<Json> pods;
  for (const Json& item : runtime::ArrayAt(*list, "items")) {
    pods.push_back(item);
  }
  version_ = VersionOf(*list);
  handlers_.on_list(std::move(pods));
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
  return client_->Watch(kPods, query, cancel_, [this](api::WatchEvent event) {
    pause_ = absl::ZeroDuration();
    std::string version = VersionOf(event.object);
    if (event.type == "ADDED" || event.type == "MODIFIED") {
      handlers_.on_pod(std::move(event.object));
    } else if (event.type == "DELETED") {
      handlers_.on_gone(std::move(event.object));
    }
    if (!version.empty()) version_ = version;
    return !stopping_.HasBeenNotified();
  });
}

}  // namespace agent::source
