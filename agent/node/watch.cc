// SPDX-License-Identifier: Apache-2.0
// Node's eye on its own object: the pod CIDR and cordoning come from there.
#include <pthread.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "agent/api/version.h"
#include "agent/node/node.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

using runtime::Json;
using runtime::StringAt;

constexpr char kNodes[] = "/api/v1/nodes";
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(200);
constexpr absl::Duration kMaxBackoff = absl::Seconds(30);
// A watch that lasted so long worked, even if nothing happened.
constexpr absl::Duration kLongWatch = absl::Seconds(5);

// The ranges of a node's pods, one of each family, with commas between; "" as
// long as there are none.
std::string PodCidrs(const Json& node) {
  const Json& spec = runtime::ObjectAt(node, "spec");
  std::vector<std::string> cidrs;
  for (const Json& cidr : runtime::ArrayAt(spec, "podCIDRs")) {
    if (cidr.is_string()) cidrs.push_back(cidr.get<std::string>());
  }
  return cidrs.empty() ? StringAt(spec, "podCIDR") : absl::StrJoin(cidrs, ",");
}

}  // namespace

void Node::Look(const Json& node) {
  TakeNode(node);
  CheckConditions(node);
  const Json& spec = runtime::ObjectAt(node, "spec");
  const std::string cidr = PodCidrs(node);
  if (!cidr.empty() && cidr != pod_cidr_) {
    const absl::Status status = hooks_.on_pod_cidr(cidr);
    if (status.ok()) {
      pod_cidr_ = cidr;
      Kick();
    } else {
      runtime::log::Warning("pod CIDR ", cidr, ": ", status.message());
    }
  }
  const int unschedulable = runtime::BoolAt(spec, "unschedulable") ? 1 : 0;
  if (unschedulable_ >= 0 && unschedulable != unschedulable_) {
    const char* reason =
        unschedulable ? "NodeNotSchedulable" : "NodeSchedulable";
    events_.Send("Normal", reason,
                 absl::StrCat("Node ", options_.identity.name,
                              " status is now: ", reason));
  }
  unschedulable_ = unschedulable;
}

void Node::CheckConditions(const Json& node) {
  absl::MutexLock lock(&mutex_);
  if (!sent_conditions_.is_array() ||
      api::IsNotNewer(api::VersionOf(node), sent_version_)) {
    return;
  }
  std::map<std::string, std::string> there;
  for (const Json& condition :
       runtime::ArrayAt(runtime::ObjectAt(node, "status"), "conditions")) {
    there[StringAt(condition, "type")] = StringAt(condition, "status");
  }
  for (const Json& condition : sent_conditions_) {
    if (there[StringAt(condition, "type")] == StringAt(condition, "status")) {
      continue;
    }
    drifted_ = node;
    kicked_ = true;
    return;
  }
}

absl::Status Node::WatchOnce() {
  const std::string selector =
      absl::StrCat("metadata.name=", options_.identity.name);
  ASSIGN_OR_RETURN(const Json list,
                   client_->Get(kNodes, {{"fieldSelector", selector}}));
  watch_outage_.Over();
  for (const Json& node : runtime::ArrayAt(list, "items")) Look(node);
  // A CIDR that the runtime did not take yet is offered again by listing anew.
  const std::string offered = PodCidrs(Object());
  if (offered != pod_cidr_) return absl::UnavailableError("");
  std::string version = api::VersionOf(list);
  bool pending = false;
  while (!cancel_.cancelled() && !pending) {
    const absl::Time began = absl::Now();
    bool news = false;
    const absl::Status status = client_->Watch(
        kNodes,
        {{"fieldSelector", selector},
         {"resourceVersion", version},
         {"allowWatchBookmarks", "true"}},
        cancel_, [&](const api::WatchEvent& event) {
          news = true;
          version = api::VersionOf(event.object);
          if (event.type == "BOOKMARK" || event.type == "DELETED") return true;
          Look(event.object);
          const std::string cidr = PodCidrs(event.object);
          pending = !cidr.empty() && cidr != pod_cidr_;
          return !pending;
        });
    if (news || absl::Now() - began > kLongWatch) watch_pause_ = kFirstBackoff;
    RETURN_IF_ERROR(status);
    // A server that ends each watch at once is not hurried.
    if (!news && !PauseWatch()) return absl::OkStatus();
  }
  return absl::OkStatus();
}

bool Node::PauseWatch() {
  const absl::Duration pause = watch_pause_;
  watch_pause_ = std::min(pause * 2, kMaxBackoff);
  return Sleep(pause, false);
}

void Node::WatchLoop() {
  pthread_setname_np(pthread_self(), "node-watch");
  watch_pause_ = kFirstBackoff;
  while (true) {
    const absl::Status status = WatchOnce();
    if (cancel_.cancelled()) return;
    // Without a message: a CIDR that the runtime did not take, told there.
    if (!status.ok() && !api::IsGone(status) && !status.message().empty()) {
      watch_outage_.Failed(status);
    }
    if (!PauseWatch()) return;
  }
}

}  // namespace agent::node
