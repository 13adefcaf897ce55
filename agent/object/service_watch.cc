// SPDX-License-Identifier: Apache-2.0
#include "agent/object/service_watch.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/status.h"

namespace agent::object {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::StringAt;

constexpr char kPath[] = "/api/v1/services";
constexpr char kPageSize[] = "500";
constexpr absl::Duration kFirstDelay = absl::Milliseconds(800);
constexpr absl::Duration kMaxDelay = absl::Seconds(30);
constexpr absl::Duration kLongWatch = absl::Seconds(5);
constexpr absl::Duration kFirstListWait = absl::Seconds(2);

// Watches end by themselves after five to ten minutes, not all at once.
std::string WatchSeconds() {
  thread_local std::minstd_rand random(std::random_device{}());
  return absl::StrCat(300 + random() % 300);
}

}  // namespace

ServiceWatch::ServiceWatch(api::Client* client) : client_(client) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "services");
    Run();
  });
}

ServiceWatch::~ServiceWatch() {
  stopping_.Notify();
  cancel_.Cancel();
  thread_.join();
}

JsonPtr ServiceWatch::Trim(const Json& service) {
  const Json& spec = At(service, "spec");
  return std::make_shared<const Json>(Json{
      {"metadata",
       {{"name", StringAt(service, {"metadata", "name"})},
        {"namespace", StringAt(service, {"metadata", "namespace"})}}},
      {"spec",
       {{"clusterIP", At(spec, "clusterIP")}, {"ports", At(spec, "ports")}}}});
}

void ServiceWatch::Apply(const std::string& type, const Json& service) {
  std::string ns = StringAt(service, {"metadata", "namespace"});
  std::string name = StringAt(service, {"metadata", "name"});
  absl::MutexLock lock(&mutex_);
  if (type == "DELETED") {
    services_[ns].erase(name);
  } else {
    services_[ns][name] = Trim(service);
  }
}

absl::StatusOr<std::string> ServiceWatch::List() {
  std::map<std::string, std::map<std::string, JsonPtr>> found;
  std::string next, version;
  do {
    api::Query query = {{"limit", kPageSize}};
    if (next.empty()) {
      query.emplace_back("resourceVersion", "0");
    } else {
      query.emplace_back("continue", next);
    }
    ASSIGN_OR_RETURN(Json page, client_->Get(kPath, query));
    for (const Json& service : ArrayAt(page, "items")) {
      found[StringAt(service, {"metadata", "namespace"})]
           [StringAt(service, {"metadata", "name"})] = Trim(service);
    }
    version = StringAt(page, {"metadata", "resourceVersion"});
    next = StringAt(page, {"metadata", "continue"});
  } while (!next.empty() && !stopping_.HasBeenNotified());
  absl::MutexLock lock(&mutex_);
  services_ = std::move(found);
  listed_ = true;
  return version;
}

absl::Status ServiceWatch::Follow(std::string* version) {
  api::Query query = {{"resourceVersion", *version},
                      {"allowWatchBookmarks", "true"},
                      {"timeoutSeconds", WatchSeconds()}};
  return client_->Watch(
      kPath, query, cancel_,
      [&](api::WatchEvent event) {
        std::string seen =
            StringAt(event.object, {"metadata", "resourceVersion"});
        if (!seen.empty()) *version = seen;
        if (event.type != "BOOKMARK") Apply(event.type, event.object);
        return !stopping_.HasBeenNotified();
      },
      [this] { outage_.Over(); });
}

void ServiceWatch::Run() {
  std::string version;
  absl::Duration delay = kFirstDelay;
  while (!stopping_.HasBeenNotified()) {
    absl::Status status;
    if (version.empty()) {
      absl::StatusOr<std::string> listed = List();
      status = listed.status();
      if (listed.ok()) {
        outage_.Over();
        version = *std::move(listed);
      }
    }
    absl::Time start = absl::Now();
    if (status.ok()) status = Follow(&version);
    if (api::IsGone(status)) version.clear();
    if (absl::Now() - start > kLongWatch) {  // it worked for a while
      delay = kFirstDelay;
      if (status.ok()) continue;
    }
    if (stopping_.HasBeenNotified()) return;
    if (!status.ok() && !api::IsGone(status)) outage_.Failed(status);
    stopping_.WaitForNotificationWithTimeout(delay);
    delay = std::min(delay * 2, kMaxDelay);
  }
}

absl::StatusOr<std::vector<JsonPtr>> ServiceWatch::InNamespace(
    const std::string& ns) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&listed_), kFirstListWait);
  if (!listed_) {
    return absl::UnavailableError("the services have not been listed yet");
  }
  std::vector<JsonPtr> out;
  auto it = services_.find(ns);
  if (it == services_.end()) return out;
  for (const auto& [name, service] : it->second) out.push_back(service);
  return out;
}

}  // namespace agent::object
