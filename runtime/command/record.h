// SPDX-License-Identifier: Apache-2.0
// What the OCI command line knows about a container between its calls: a
// directory <root>/<id> with state.json, config.json as it was at create, and
// the FIFO start, at which init waits. `start` removes the FIFO.
#ifndef CORACLE_RUNTIME_COMMAND_RECORD_H_
#define CORACLE_RUNTIME_COMMAND_RECORD_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::command {

enum class Status { kCreating, kCreated, kRunning, kPaused, kStopped };
absl::string_view StatusName(Status status);

struct Record {
  std::string id;
  std::string bundle;
  std::string rootfs;
  std::string cgroups_path;
  std::string created;  // RFC 3339
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // of pid, so that a number used again is noticed
};

// The records below one --root. Not thread safe; processes that race for one
// id are told apart by mkdir.
class Records {
 public:
  explicit Records(std::string root) : root_(std::move(root)) {}

  std::string Directory(const std::string& id) const;
  std::string StartFifo(const std::string& id) const;
  std::string ConfigFile(const std::string& id) const;
  // Cannot be an ID: those never start with a dot.
  std::string SeccompCache() const { return root_ + "/.seccomp"; }

  // Makes <root>/<id>; ALREADY_EXISTS if the id is in use.
  absl::Status Reserve(const std::string& id) const;
  absl::Status Save(const Record& record) const;
  // NOT_FOUND: "container \"x\" does not exist".
  absl::StatusOr<Record> Load(const std::string& id) const;
  absl::Status Remove(const std::string& id) const;
  absl::StatusOr<std::vector<std::string>> List() const;

  Status StatusOf(const Record& record) const;

 private:
  std::string root_;
};

// Start time of a living, non-zombie process in clock ticks, or 0.
uint64_t StartTicks(pid_t pid);

}  // namespace runtime::command

#endif  // CORACLE_RUNTIME_COMMAND_RECORD_H_
