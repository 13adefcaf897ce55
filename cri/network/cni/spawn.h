// SPDX-License-Identifier: Apache-2.0
// Runs one program to its end with a deadline and a cap on what it writes. The
// daemon does not fork: posix_spawn shares its memory with the child until the
// exec, so it costs the same however large the daemon is.
#ifndef CORACLE_CRI_NETWORK_CNI_SPAWN_H_
#define CORACLE_CRI_NETWORK_CNI_SPAWN_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cri::network::cni {

struct Program {
  std::string path;                      // also argv[0], its only argument
  std::vector<std::string> environment;  // "KEY=value"
  std::string input;                     // on standard input
  absl::Time deadline = absl::InfiniteFuture();
  size_t max_output = 1 << 20;  // of standard output
  std::string step;             // for activity.h; "" names the path
  int stop_fd = -1;             // once it is readable, the program is killed
};

struct Outcome {
  int exit_code = 0;   // 128 + signal if it was killed by one
  std::string output;  // all of standard output
  std::string log;     // the last 4 KiB of standard error
};

// Runs it in the calling thread's namespaces, in a process group of its own,
// with no descriptors but the standard ones. DEADLINE_EXCEEDED: it was still
// running and is killed with its group. RESOURCE_EXHAUSTED: it wrote more than
// `max_output`, also killed. CANCELLED: `stop_fd`, killed. Other errors: it
// could not be started.
absl::StatusOr<Outcome> RunProgram(const Program& program);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_SPAWN_H_
