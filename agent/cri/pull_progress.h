// SPDX-License-Identifier: Apache-2.0
// How far the runtime's pulls are. CRI has no call for it; Coracle's server
// tells it in the verbose Status, others do not.
#ifndef CORACLE_AGENT_CRI_PULL_PROGRESS_H_
#define CORACLE_AGENT_CRI_PULL_PROGRESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cri/v1/api.pb.h"

namespace agent::cri {

struct PullProgress {
  std::string image;  // as whoever pulls it wrote it
  // 0 until it is known what is missing.
  int64_t layers = 0;
  uint64_t bytes = 0;
  int64_t layers_done = 0, layers_waiting = 0;  // for other images' layers
  uint64_t bytes_done = 0;
};

// Those in the answer to a verbose Status, of each image the one that is
// furthest; UNIMPLEMENTED if the runtime tells nothing of them.
absl::StatusOr<std::vector<PullProgress>> PullsIn(
    const ::runtime::v1::StatusResponse& status);

// "1.2 GiB of 4.5 GiB, 3 of 12 layers".
std::string Describe(const PullProgress& pull);

}  // namespace agent::cri

#endif  // CORACLE_AGENT_CRI_PULL_PROGRESS_H_
