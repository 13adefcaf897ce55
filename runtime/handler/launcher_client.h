// SPDX-License-Identifier: Apache-2.0
// The daemon's hold on the launcher: finds it, starts it, replaces it when it
// runs from another binary, and asks it for holders.
#ifndef CORACLE_RUNTIME_HANDLER_LAUNCHER_CLIENT_H_
#define CORACLE_RUNTIME_HANDLER_LAUNCHER_CLIENT_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/handler/client.h"
#include "runtime/hold/wire.h"

namespace runtime::handler {

// Thread safe.
class LauncherClient {
 public:
  LauncherClient(std::string state_dir, std::string binary)
      : state_dir_(std::move(state_dir)), binary_(std::move(binary)) {}

  // After it, a launcher of our binary listens.
  absl::Status Ensure() ABSL_LOCKS_EXCLUDED(mutex_);
  // Starts it if need be. The answer to `request`.
  absl::StatusOr<hold::Reply> Ask(const hold::Request& request)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Runs a command (the first word is a path) as the launcher's child. Its
  // standard output, at most 1 MiB; if it fails, an error with the last line
  // that it wrote. Killed after `time`.
  absl::StatusOr<std::string> Run(const std::vector<std::string>& args,
                                  absl::Duration time)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // A new holder; the reply is its kSandbox.
  absl::StatusOr<hold::Reply> Spawn(const hold::Request& request)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A connection to a launcher of our binary.
  absl::StatusOr<Connection> Connect() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Check();
  absl::Status Start(const std::string& identity);

  const std::string state_dir_, binary_;
  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool checked_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_LAUNCHER_CLIENT_H_
