// SPDX-License-Identifier: Apache-2.0
// Context is what one call knows about itself.
#ifndef CORACLE_CRI_SERVER_CONTEXT_H_
#define CORACLE_CRI_SERVER_CONTEXT_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "cri/server/cancellation.h"
#include "cri/server/engine.h"

namespace cri::server {

struct Context {
  Engine& engine;
  std::string method;
  uint64_t request_id = 0;
  absl::Time deadline = absl::InfiniteFuture();
  // Only pulls and ExecSync end with it: what changes pods runs to its end, so
  // that a retry finds a result to join. RunPodSandbox looks at it then.
  Cancellation& cancellation;
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_CONTEXT_H_
