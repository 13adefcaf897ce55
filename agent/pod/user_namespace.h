// SPDX-License-Identifier: Apache-2.0
// User namespaces of pods with hostUsers: false. Each has 65536 IDs of the node
// that no other pod has, in the file pods/<uid>/userns of the kubelet's own
// format, so that a new agent gives a pod the same again; it goes with the
// pod's directory. Thread safe.
#ifndef CORACLE_AGENT_POD_USER_NAMESPACE_H_
#define CORACLE_AGENT_POD_USER_NAMESPACE_H_

#include "absl/status/status.h"
#include "agent/pod/engine.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/json.h"

namespace agent::pod {

bool HasUserNamespace(const runtime::Json& pod);

// Puts the pod's mappings into `options`, and takes a range for it if it has
// none yet; does nothing for a pod that uses the node's users. Ranges begin at
// 65536; there are as many as pods. RESOURCE_EXHAUSTED if all are taken,
// DATA_LOSS if the pod's file cannot be understood: another range would not fit
// the files that the pod has written.
absl::Status SetUserNamespace(const EngineOptions& options,
                              const runtime::Json& pod,
                              ::runtime::v1::NamespaceOption* out);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_USER_NAMESPACE_H_
