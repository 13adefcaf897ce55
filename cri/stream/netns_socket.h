// SPDX-License-Identifier: Apache-2.0
// Sockets inside a pod's network namespace.
#ifndef CORACLE_CRI_STREAM_NETNS_SOCKET_H_
#define CORACLE_CRI_STREAM_NETNS_SOCKET_H_

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace cri::stream {

// A non-blocking TCP socket of address family `family` that belongs to the
// network namespace `netns`, or with -1 to the caller's own. Blocks shortly.
absl::StatusOr<runtime::UniqueFd> SocketInNamespace(int netns, int family);

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_NETNS_SOCKET_H_
