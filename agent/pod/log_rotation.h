// SPDX-License-Identifier: Apache-2.0
// Rotation of container logs as the kubelet does it: `c/0.log` grows up to a
// size, becomes `c/0.log.20260102-150405`, and is compressed to `….gz` at the
// next rotation; the oldest go.
#ifndef CORACLE_AGENT_POD_LOG_ROTATION_H_
#define CORACLE_AGENT_POD_LOG_ROTATION_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace agent::pod {

struct LogLimits {
  int64_t max_size = 10 << 20;  // bytes; 0 or less: never rotated
  int max_files = 5;            // of one container, the current one included
};

// Rotates the log at `path` if it is larger than allowed. `reopen` makes the
// runtime go on in a new file at `path`; if it fails, the log is moved back.
// A missing log is OK. Blocks for the time that it takes to compress one.
absl::Status RotateLog(const std::string& path, const LogLimits& limits,
                       absl::Time now,
                       const std::function<absl::Status()>& reopen);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_LOG_ROTATION_H_
