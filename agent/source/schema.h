// SPDX-License-Identifier: Apache-2.0
// Checks a pod manifest that no API server has seen, down to the last field:
// what is unknown, of a wrong type or not supported by this node is refused,
// lest a pod runs with less than its author meant. Pure.
#ifndef CORACLE_AGENT_SOURCE_SCHEMA_H_
#define CORACLE_AGENT_SOURCE_SCHEMA_H_

#include "absl/status/status.h"
#include "runtime/base/json.h"

namespace agent::source {

// INVALID_ARGUMENT with "spec.containers[0].image: …" for the first problem.
absl::Status CheckPod(const runtime::Json& pod);

}  // namespace agent::source

#endif  // CORACLE_AGENT_SOURCE_SCHEMA_H_
