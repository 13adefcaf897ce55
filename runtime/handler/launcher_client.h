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
#include "runtime/base/unique_fd.h"
#include "runtime/handler/client.h"
#include "runtime/hold/wire.h"

namespace runtime::handler {

// How a command ended.
struct CommandEnd {
  int code = 0;          // 128 + N for signal N
  std::string out, err;  // of each 1 MiB at most
};

// A command that the launcher runs for us. Not thread safe.
class Command {
 public:
  Command(Connection connection, UniqueFd out, UniqueFd err)
      : connection_(std::move(connection)),
        out_(std::move(out)),
        err_(std::move(err)) {}

  // Becomes readable when Finish will not wait any more.
  int fd() const { return connection_.fd(); }
  // As a connection's.
  void EndBy(int fd) { connection_.EndBy(fd); }
  // To be called once.
  absl::StatusOr<CommandEnd> Finish(absl::Time deadline);

 private:
  Connection connection_;
  UniqueFd out_, err_;
};

// Thread safe.
class LauncherClient {
 public:
  // Once `end_fd` can be read, Ask and Run do not wait any more: CANCELLED.
  LauncherClient(std::string state_dir, std::string binary, int end_fd = -1)
      : state_dir_(std::move(state_dir)),
        binary_(std::move(binary)),
        end_fd_(end_fd) {}

  // After it, a launcher of our binary listens.
  absl::Status Ensure() ABSL_LOCKS_EXCLUDED(mutex_);
  // Starts it if need be. The answer to `request`.
  absl::StatusOr<hold::Reply> Ask(const hold::Request& request)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Begins a command (the first word is a path) as the launcher's child. When
  // the result is dropped, it is killed, or not as `flags` (hold::RunFlag) say.
  absl::StatusOr<Command> Begin(const std::vector<std::string>& args,
                                uint32_t flags = 0) ABSL_LOCKS_EXCLUDED(mutex_);
  // Runs a command to its end: its standard output; if it fails, an error with
  // the last line that it wrote. Killed after `time`.
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
  const int end_fd_;
  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool checked_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_LAUNCHER_CLIENT_H_
