// SPDX-License-Identifier: Apache-2.0
// Whether the API server still has the status that this agent wrote. Others
// write into it: the node controller sets Ready=False on every pod of a node
// that it has not heard from.
#ifndef CORACLE_AGENT_STATUS_DRIFT_H_
#define CORACLE_AGENT_STATUS_DRIFT_H_

#include "runtime/base/json.h"

namespace agent::status {

using runtime::Json;

// What nobody but the node may say in `status`: phase, own conditions (status,
// reason, message), and for each container its state, readiness, restarts and
// ID. Fields that are null, empty, false or zero are left out: servers differ
// in which of those they keep.
Json OwnPart(const Json& status);

}  // namespace agent::status

#endif  // CORACLE_AGENT_STATUS_DRIFT_H_
