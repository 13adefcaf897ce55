// SPDX-License-Identifier: Apache-2.0
// resourceVersions of one object.
#ifndef CORACLE_AGENT_API_VERSION_H_
#define CORACLE_AGENT_API_VERSION_H_

#include <string>

#include "runtime/base/json.h"

namespace agent::api {

// metadata.resourceVersion, "" if there is none.
std::string VersionOf(const runtime::Json& object);

// True if `version` is `than` or from before it. Versions are compared as
// numbers of any length (Kubernetes promises that from 1.35 on, etcd has always
// given such ones); others count as newer unless they are equal. With an empty
// one nothing is known: false.
bool IsNotNewer(const std::string& version, const std::string& than);

}  // namespace agent::api

#endif  // CORACLE_AGENT_API_VERSION_H_
