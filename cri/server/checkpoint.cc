// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/time/clock.h"
#include "cri/server/rpc.h"
#include "runtime/base/status.h"

namespace cri::server {

namespace v1 = ::runtime::v1;

namespace {

// For a client that names no time and no deadline.
constexpr absl::Duration kDefaultTime = absl::Minutes(10);

}  // namespace

absl::StatusOr<v1::CheckpointContainerResponse> CheckpointContainer(
    Context& context, const v1::CheckpointContainerRequest& request) {
  if (request.timeout() < 0) {
    return absl::InvalidArgumentError("timeout: is negative");
  }
  Engine& engine = context.engine;
  ASSIGN_OR_RETURN(container::ContainerPtr container,
                   FindContainer(engine, request.container_id()));
  const absl::Duration time =
      request.timeout() > 0 ? absl::Seconds(request.timeout()) : kDefaultTime;
  RETURN_IF_ERROR(engine.checkpoints->Create(
      container, request.location(),
      std::min(context.deadline, absl::Now() + time)));
  return v1::CheckpointContainerResponse();
}

}  // namespace cri::server
