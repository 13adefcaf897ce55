// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_AGENT_SERVER_METRICS_H_
#define CORACLE_AGENT_SERVER_METRICS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "agent/server/pods.h"
#include "agent/server/usage.h"

namespace agent::server {

// /metrics in Prometheus' text format: this process, how many pods and
// containers there are, and the pulls under way, if it is known of them.
std::string MetricsText(
    const std::string& node_name, Pods& pods,
    const std::optional<std::vector<ImagePull>>& pulls = std::nullopt);

// `text` as the value of a label, between the quotes.
std::string LabelValue(absl::string_view text);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_METRICS_H_
