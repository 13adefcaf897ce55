// SPDX-License-Identifier: Apache-2.0
// Reads one container's log file, on through rotations, and gives what the
// client asked for. A log lives where a pod with a hostPath can reach it: only
// a regular file of ours below the log root is ever opened, no symlink and no
// second hard link.
#ifndef CORACLE_AGENT_SERVER_LOG_READER_H_
#define CORACLE_AGENT_SERVER_LOG_READER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/server/log_format.h"
#include "agent/server/log_query.h"
#include "runtime/base/unique_fd.h"

namespace agent::server {

// NOT_FOUND if there is no file, PERMISSION_DENIED if it is not one that may be
// shown.
absl::StatusOr<runtime::UniqueFd> OpenLog(const std::string& root,
                                          const std::string& path);

// Blocks on the disk only. Not thread safe.
class LogReader {
 public:
  // `path` is absolute and below `root`.
  static absl::StatusOr<std::unique_ptr<LogReader>> Open(
      const std::string& root, const std::string& path, const LogQuery& query);

  // Appends the next piece to *out. False if nothing is left: without follow
  // for good, with follow until the file grows or is replaced.
  absl::StatusOr<bool> Read(std::string* out);

  bool follow() const { return follow_; }
  // limitBytes have been given out: nothing will come any more.
  bool full() const { return formatter_.full(); }

 private:
  LogReader(std::string root, std::string path, const LogQuery& query)
      : root_(std::move(root)),
        path_(std::move(path)),
        follow_(query.follow),
        formatter_(query) {}
  absl::StatusOr<bool> NextFile();

  const std::string root_, path_;
  const bool follow_;
  LogFormatter formatter_;
  runtime::UniqueFd file_, next_;
  int64_t offset_ = 0;
  int64_t end_ = 0;  // without follow: what was there when it was asked for
};

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_LOG_READER_H_
