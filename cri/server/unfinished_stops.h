// SPDX-License-Identifier: Apache-2.0
// Stops that the server before did not bring to their end, or that nobody asked
// for as the machine went down under the pod.
#ifndef CORACLE_CRI_SERVER_UNFINISHED_STOPS_H_
#define CORACLE_CRI_SERVER_UNFINISHED_STOPS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cri/sandbox/sandbox.h"
#include "runtime/base/executor.h"

namespace cri::server {

// Tries each until it succeeds, after pauses that get longer, or until somebody
// else has torn the sandbox down. Thread safe; must outlive the executor's
// work.
class UnfinishedStops {
 public:
  struct Options {
    runtime::Executor* executor = nullptr;  // for the tries
    // One try; blocks.
    std::function<absl::Status(const sandbox::SandboxPtr&)> stop;
    absl::Duration first_pause = absl::Seconds(1);
    absl::Duration longest_pause = absl::Minutes(1);
  };
  explicit UnfinishedStops(Options options) : options_(std::move(options)) {}

  void Add(const sandbox::SandboxPtr& sandbox);

  // One that failed and is to be tried again.
  struct Waiting {
    sandbox::SandboxPtr sandbox;
    absl::Time since, next;  // of the failure, of the next try
    std::string reason;
  };
  std::vector<Waiting> List() const ABSL_LOCKS_EXCLUDED(mutex_);

  // The server ends: what fails from now on is neither told nor tried again.
  void End() ABSL_LOCKS_EXCLUDED(mutex_);

  // Its call among the operations.
  static constexpr char kCall[] = "end of a stop";

 private:
  void Try(const sandbox::SandboxPtr& sandbox, absl::Duration pause)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);  // by ID
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_UNFINISHED_STOPS_H_
