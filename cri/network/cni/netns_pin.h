// SPDX-License-Identifier: Apache-2.0
// Names for network namespaces, as `ip netns` makes them: a file in a directory
// with the namespace mounted on it. Plugins and the agents behind them open the
// namespace by this path (CNI_NETNS) for as long as the pod is attached.
#ifndef CORACLE_CRI_NETWORK_CNI_NETNS_PIN_H_
#define CORACLE_CRI_NETWORK_CNI_NETNS_PIN_H_

#include <string>

#include "absl/status/status.h"

namespace cri::network::cni {

// Makes `path` a name of the namespace behind `netns_fd`; the directory too if
// need be. If it is a name of one already, that is replaced.
absl::Status PinNetns(const std::string& path, int netns_fd);

// Whether `path` is a name of a living namespace.
bool IsPinned(const std::string& path);

// Removes the name; the namespace ends with its last user. OK if there is none.
absl::Status UnpinNetns(const std::string& path);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_NETNS_PIN_H_
