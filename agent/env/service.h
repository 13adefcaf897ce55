// SPDX-License-Identifier: Apache-2.0
// The variables by which a container finds services without DNS.
#ifndef CORACLE_AGENT_ENV_SERVICE_H_
#define CORACLE_AGENT_ENV_SERVICE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "agent/env/env.h"

namespace agent::env {

// default/kubernetes always, the services of `ns` if `links`. UNAVAILABLE until
// the services have been listed once.
absl::StatusOr<std::map<std::string, std::string>> ServiceVariables(
    const std::string& ns, bool links, object::Source& objects);

}  // namespace agent::env

#endif  // CORACLE_AGENT_ENV_SERVICE_H_
