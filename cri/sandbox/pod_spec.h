// SPDX-License-Identifier: Apache-2.0
// A sandbox in the words of an OCI config, for those who look at it with
// `crictl inspectp`.
#ifndef CORACLE_CRI_SANDBOX_POD_SPEC_H_
#define CORACLE_CRI_SANDBOX_POD_SPEC_H_

#include "cri/sandbox/sandbox.h"
#include "runtime/base/json.h"

namespace cri::sandbox {

// What of a config.json is true of a sandbox, in which no program runs:
// annotations, the host name if it has one of its own, where its containers
// have their cgroups, and the namespaces that it has of its own, each with a
// path that other processes can open. None once it is not READY: what is left
// of it may end at any time, and its process IDs become others'.
runtime::Json PodSpec(const Sandbox& sandbox);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_POD_SPEC_H_
