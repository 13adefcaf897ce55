// SPDX-License-Identifier: Apache-2.0
// /metrics/resource: what metrics-server reads for `kubectl top` and
// autoscalers. A rate needs the times of the readings, so each sample has its
// own.
#ifndef CORACLE_AGENT_SERVER_RESOURCE_METRICS_H_
#define CORACLE_AGENT_SERVER_RESOURCE_METRICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/server/usage.h"
#include "runtime/base/json.h"

namespace agent::server {

// Of the machine, from its /proc.
absl::StatusOr<Usage> NodeUsage();

// Prometheus text. `pods` are API objects with their statuses: they say which
// containers run and since when. Those that do not run are left out, and what
// is left of earlier attempts. A usage that could not be read is an error in
// `resource_scrape_error`, not of the request.
std::string ResourceMetricsText(
    const absl::StatusOr<Usage>& node,
    const absl::StatusOr<std::vector<PodUsage>>& usage,
    const std::vector<runtime::Json>& pods);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_RESOURCE_METRICS_H_
