// SPDX-License-Identifier: Apache-2.0
#include "agent/node/events.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/log.h"

namespace agent::node {

void Events::Send(absl::string_view type, absl::string_view reason,
                  absl::string_view message) {
  const absl::Time now = absl::Now();
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone());
  const runtime::Json event = {
      {"apiVersion", "v1"},
      {"kind", "Event"},
      {"metadata",
       {{"name",
         absl::StrCat(node_name_, ".", absl::Hex(absl::ToUnixNanos(now)))},
        {"namespace", "default"}}},
      // kubectl looks for a node's events by its name in place of the UID.
      {"involvedObject",
       {{"kind", "Node"}, {"name", node_name_}, {"uid", node_name_}}},
      {"type", std::string(type)},
      {"reason", std::string(reason)},
      {"message", std::string(message)},
      {"source", {{"component", "kubelet"}, {"host", node_name_}}},
      {"reportingComponent", "kubelet"},
      {"reportingInstance", node_name_},
      {"firstTimestamp", time},
      {"lastTimestamp", time},
      {"count", 1}};
  const auto sent = client_->Create("/api/v1/namespaces/default/events", event);
  if (!sent.ok()) {
    runtime::log::Warning("event ", reason, " of node ", node_name_,
                          " is lost: ", sent.status().message());
  }
}

}  // namespace agent::node
