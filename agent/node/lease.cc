// SPDX-License-Identifier: Apache-2.0
#include "agent/node/lease.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

using runtime::Json;

constexpr char kCollection[] =
    "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
constexpr int kAttempts = 5;
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(200);
constexpr absl::Duration kMaxBackoff = absl::Seconds(7);

}  // namespace

Json MakeLease(const Json& previous, const std::string& node_name,
               const std::string& node_uid, int64_t duration_seconds,
               absl::Time now) {
  Json lease = previous;
  if (!lease.is_object()) {
    lease = {
        {"apiVersion", "coordination.k8s.io/v1"},
        {"kind", "Lease"},
        {"metadata", {{"name", node_name}, {"namespace", "kube-node-lease"}}}};
  }
  lease["spec"]["holderIdentity"] = node_name;
  lease["spec"]["leaseDurationSeconds"] = duration_seconds;
  lease["spec"]["renewTime"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", now, absl::UTCTimeZone());
  if (!node_uid.empty()) {
    lease["metadata"]["ownerReferences"] = Json::array({{
        {"apiVersion", "v1"},
        {"kind", "Node"},
        {"name", node_name},
        {"uid", node_uid},
    }});
  }
  return lease;
}

Lease::Lease(api::Client* client, std::string node_name,
             int64_t duration_seconds)
    : client_(client),
      node_name_(std::move(node_name)),
      duration_seconds_(duration_seconds) {}

Lease::~Lease() { Stop(); }

void Lease::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Lease::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Lease::SetNodeUid(const std::string& uid) {
  absl::MutexLock lock(&mutex_);
  node_uid_ = uid;
}

bool Lease::Sleep(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopped_), duration);
}

absl::Status Lease::Renew(const std::string& node_uid) {
  const std::string path = absl::StrCat(kCollection, "/", node_name_);
  absl::Status last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Json wanted =
        MakeLease(lease_, node_name_, node_uid, duration_seconds_, absl::Now());
    auto written = lease_.is_null() ? client_->Create(kCollection, wanted)
                                    : client_->Update(path, wanted);
    if (written.ok()) {
      lease_ = *std::move(written);
      return absl::OkStatus();
    }
    last = written.status();
    if (absl::IsNotFound(last)) {
      lease_ = Json();  // deleted under us: make it anew
    } else if (absl::IsAborted(last) || absl::IsAlreadyExists(last)) {
      ASSIGN_OR_RETURN(lease_, client_->Get(path));
    } else {
      break;  // a next attempt would meet the same
    }
  }
  return last;
}

void Lease::Run() {
  pthread_setname_np(pthread_self(), "node-lease");
  const absl::Duration interval = absl::Seconds(duration_seconds_) / 4;
  absl::Duration backoff = kFirstBackoff;
  bool failing = false;
  while (true) {
    std::string uid;
    {
      absl::MutexLock lock(&mutex_);
      uid = node_uid_;
    }
    const absl::Status status = Renew(uid);
    if (!status.ok() && !failing) {
      runtime::log::Warning("lease of node ", node_name_,
                            " is not renewed: ", status.message());
    } else if (status.ok() && failing) {
      runtime::log::Info("lease of node ", node_name_, " is renewed again");
    }
    failing = !status.ok();
    const absl::Duration wait = failing ? backoff : interval;
    backoff = failing ? std::min(backoff * 2, kMaxBackoff) : kFirstBackoff;
    if (!Sleep(wait)) return;
  }
}

}  // namespace agent::node
