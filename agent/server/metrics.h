// SPDX-License-Identifier: Apache-2.0
#ifndef CORACLE_AGENT_SERVER_METRICS_H_
#define CORACLE_AGENT_SERVER_METRICS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "agent/server/pods.h"

namespace agent::server {

// /metrics in Prometheus' text format: this process, and how many pods and
// containers there are.
std::string MetricsText(const std::string& node_name, Pods& pods);

// `text` as the value of a label, between the quotes.
std::string LabelValue(absl::string_view text);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_METRICS_H_
