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
#include "runtime/handler/handler.h"
#include "runtime/handler/launcher_client.h"

namespace runtime::handler {

// Thread safe.
class Runtimes {
 public:
  explicit Runtimes(LauncherClient* launcher) : launcher_(*launcher) {}

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
  LauncherClient& launcher_;
  mutable absl::Mutex mutex_;
  std::map<std::string, OciRuntime> runtimes_ ABSL_GUARDED_BY(mutex_);
  // By the runtime's path and the time of its file.
  std::map<std::string, HandlerFeatures> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_RUNTIMES_H_
