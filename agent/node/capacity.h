// SPDX-License-Identifier: Apache-2.0
// Capacity and allocatable of a node, as the maps of its status. Pure.
#ifndef CORACLE_AGENT_NODE_CAPACITY_H_
#define CORACLE_AGENT_NODE_CAPACITY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/config/kubelet.h"
#include "agent/node/facts.h"
#include "runtime/base/json.h"

namespace agent::node {

runtime::Json Capacity(const HostFacts& facts, const Usage& usage,
                       const config::KubeletConfig& config);

// Capacity less kubeReserved, systemReserved and the hard eviction thresholds;
// huge pages are taken from memory. INVALID_ARGUMENT names a bad quantity's
// field.
absl::StatusOr<runtime::Json> Allocatable(const HostFacts& facts,
                                          const Usage& usage,
                                          const config::KubeletConfig& config);

// A threshold ("100Mi" or "10%" of `total`) in units of `total`.
absl::StatusOr<int64_t> Threshold(const std::string& text, int64_t total);

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_CAPACITY_H_
