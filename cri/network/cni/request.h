// SPDX-License-Identifier: Apache-2.0
// What plugins are told of a pod: CNI_ARGS and the values of the capabilities
// (CNI conventions). No I/O.
#ifndef CORACLE_CRI_NETWORK_CNI_REQUEST_H_
#define CORACLE_CRI_NETWORK_CNI_REQUEST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/network/cni/attachment.h"
#include "cri/network/pod_network.h"
#include "runtime/base/json.h"

namespace cri::network::cni {

// As all container runtimes of Kubernetes set them. INVALID_ARGUMENT for a name
// with ';', '=' or a control byte: plugins would take it for further arguments.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> CniArgs(
    const PodNetwork& pod);

// Values of portMappings, bandwidth, ipRanges (of `pod_cidrs`), dns, aliases
// and io.kubernetes.cri.pod-annotations, without those that are empty.
// INVALID_ARGUMENT names the annotation that is no quantity.
absl::StatusOr<runtime::Json> Capabilities(
    const PodNetwork& pod, const std::vector<std::string>& pod_cidrs);

// What an attachment tells of its pod: IDs, name, namespace, host ports.
PodNetwork PodOf(const Attachment& attachment);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_REQUEST_H_
