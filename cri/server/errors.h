// SPDX-License-Identifier: Apache-2.0
// How absl::Status leaves the process: the one mapping to gRPC, and the few
// errors whose code or wording clients act on.
#ifndef CORACLE_CRI_SERVER_ERRORS_H_
#define CORACLE_CRI_SERVER_ERRORS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cri::server {

// The codes of both are the same numbers. A message is cut at 8 KiB, since
// gRPC carries it in a header.
grpc::Status ToGrpcStatus(const absl::Status& status);

// What clients see of a failed pull: the kubelet looks for the prefix
// "RegistryUnavailable" in errors of code UNKNOWN.
absl::Status PullFailed(const absl::Status& status);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_ERRORS_H_
