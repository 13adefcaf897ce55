// SPDX-License-Identifier: Apache-2.0
// Which file of a log comes after another one. A log is a file that grows at
// `<path>` and older ones at `<path>.<anything>`, whoever moved them there;
// what is compressed or half compressed (".gz", ".tmp") counts for nothing.
#ifndef CORACLE_RUNTIME_BASE_ROTATED_LOG_H_
#define CORACLE_RUNTIME_BASE_ROTATED_LOG_H_

#include <sys/stat.h>

#include <string>

#include "absl/status/statusor.h"

namespace runtime {

struct LogAfter {
  std::string path;  // "" = there is none
  dev_t device = 0;
  ino_t inode = 0;

  // It still has the path: names change while one looks.
  bool Is(int fd) const {
    struct stat found {};
    return fstat(fd, &found) == 0 && found.st_dev == device &&
           found.st_ino == inode;
  }
};

// The file of the log at `path` that was written next after the open one: by
// the times of their last writes, and their names where those are equal. None
// while the file at `path` is the open one, or missing. Follows no symlink at
// the end; whoever opens what is told still has to look at it.
absl::StatusOr<LogAfter> FindLogAfter(const std::string& path, int fd);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_ROTATED_LOG_H_
