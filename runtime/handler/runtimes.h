// SPDX-License-Identifier: Apache-2.0
// Which handler a pod's name for it means, and what each can do.
#ifndef CORACLE_RUNTIME_HANDLER_RUNTIMES_H_
#define CORACLE_RUNTIME_HANDLER_RUNTIMES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/handler/handler.h"
#include "runtime/handler/launcher_client.h"

namespace runtime::handler {

// Thread safe.
class Runtimes {
 public:
  // A runtime that says nothing about its features within `patience` is taken
  // to have none, and asked again after `doubt`.
  explicit Runtimes(LauncherClient* launcher,
                    absl::Duration patience = absl::Seconds(10),
                    absl::Duration doubt = absl::Minutes(1))
      : launcher_(*launcher), patience_(patience), doubt_(doubt) {}

  void Set(std::map<std::string, OciRuntime> runtimes)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // How the runtime of `handler` is called: path and global options, nothing
  // for the built-in one. INVALID_ARGUMENT with the known names if there is no
  // such handler, FAILED_PRECONDITION if its binary cannot be run.
  absl::StatusOr<std::vector<std::string>> CommandOf(
      const std::string& handler) const ABSL_LOCKS_EXCLUDED(mutex_);

  // What the runtime called by `command` says of itself, where this host,
  // which can do `host`, does not forbid it.
  HandlerFeatures FeaturesOf(const std::vector<std::string>& command,
                             const HandlerFeatures& host)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Known {
    HandlerFeatures features;
    absl::Time until;  // then it is to be asked again
  };

  LauncherClient& launcher_;
  const absl::Duration patience_, doubt_;
  mutable absl::Mutex mutex_;
  std::map<std::string, OciRuntime> runtimes_ ABSL_GUARDED_BY(mutex_);
  // By the runtime's path and the time of its file.
  std::map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_RUNTIMES_H_
