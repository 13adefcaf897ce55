// SPDX-License-Identifier: Apache-2.0
// Node's eye on its own object: the pod CIDR and cordoning come from there.
#include <pthread.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

absl::Status Node::WatchOnce() {
  const std::string selector =
      absl::StrCat("metadata.name=", options_.identity.name);
  ASSIGN_OR_RETURN(const Json list,
                   client_->Get(kNodes, {{"fieldSelector", selector}}));
  for (const Json& node : runtime::ArrayAt(list, "items")) Look(node);
  // A CIDR that the runtime did not take yet is offered again by listing anew.
  const std::string offered = PodCidrs(Object());
  if (offered != pod_cidr_) return absl::UnavailableError("");
  std::string version = StringAt(list, {"metadata", "resourceVersion"});
  bool pending = false;
  while (!cancel_.cancelled() && !pending) {
    RETURN_IF_ERROR(client_->Watch(
        kNodes,
        {{"fieldSelector", selector},
         {"resourceVersion", version},
         {"allowWatchBookmarks", "true"}},
        cancel_, [&](const api::WatchEvent& event) {
          version = StringAt(event.object, {"metadata", "resourceVersion"});
          if (event.type == "BOOKMARK" || event.type == "DELETED") return true;
          Look(event.object);
          const std::string cidr = PodCidrs(event.object);
          pending = !cidr.empty() && cidr != pod_cidr_;
          return !pending;
        }));
  }
  return absl::OkStatus();
}

void Node::WatchLoop() {
  pthread_setname_np(pthread_self(), "node-watch");
  absl::Duration backoff = kFirstBackoff;
  std::string told;
  while (true) {
    const absl::Time began = absl::Now();
    const absl::Status status = WatchOnce();
    if (cancel_.cancelled()) return;
    const std::string message(status.message());
    if (!status.ok() && !api::IsGone(status) && !message.empty() &&
        message != told) {
      runtime::log::Warning("watch of node ", options_.identity.name, ": ",
                            message);
      told = message;
    }
    if (absl::Now() - began > kMaxBackoff) backoff = kFirstBackoff;
    if (!Sleep(backoff, false)) return;
    backoff = std::min(backoff * 2, kMaxBackoff);
  }
}

}  // namespace agent::node
