// SPDX-License-Identifier: Apache-2.0
// Threads that may not come to be, for what is made while a daemon serves.
// std::thread throws where the system gives none (pids.max, RLIMIT_NPROC,
// memory), and ends a process that does not catch. Never linked into
// coracle-oci.
#ifndef CORACLE_RUNTIME_BASE_THREAD_H_
#define CORACLE_RUNTIME_BASE_THREAD_H_

#include <functional>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace runtime {

// RESOURCE_EXHAUSTED if there is none to be had now.
absl::StatusOr<std::thread> StartThread(std::function<void()> body);

// Runs `body` in a thread of its own, which ends with it, and waits for that.
// For what changes the thread itself: one of a pool would be spoilt.
absl::Status RunInThread(const std::function<void()>& body);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_THREAD_H_
