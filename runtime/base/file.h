// SPDX-License-Identifier: Apache-2.0
// Whole files, directories and records of our own: capped reads, atomic writes.
// For paths that a container can influence use runtime/path instead.
#ifndef CORACLE_RUNTIME_BASE_FILE_H_
#define CORACLE_RUNTIME_BASE_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace runtime {

inline constexpr size_t kMaxFileBytes = 16 << 20;

// open(2) with O_CLOEXEC added; the error names the path.
absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags,
                                  mode_t mode = 0);

// The whole file, at most `max_bytes` (RESOURCE_EXHAUSTED above).
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t max_bytes = kMaxFileBytes);
absl::StatusOr<std::string> ReadFd(int fd, absl::string_view name,
                                   size_t max_bytes = kMaxFileBytes);

// write(2) until all is written; retries EINTR.
absl::Status WriteAll(int fd, absl::string_view data, absl::string_view name);

// Closes every descriptor above 2 but `keep` (-1 is skipped). Matters also
// without exec: a copy of a pipe's end would hide an end of file.
void CloseAllBut(std::vector<int> keep);

// Writes into an existing file (cgroup, proc, sysctl): one open, one write.
absl::Status WriteFile(const std::string& path, absl::string_view data);

enum class Durability {
  kRename,    // survives a crash of the process: temporary file and rename
  kExchange,  // so, and the old version stays as the temporary file, which is
              // written next time: no file is made or freed for it
  kPowerLoss  // as kRename, and fsync of file and directory
};
// Replaces `path` as a whole; who opens it finds the old or the new content,
// never a part (with kExchange, if he has read it before the next write).
// Temporary name: ".<name>.tmp" beside it.
absl::Status WriteFileAtomic(const std::string& path, absl::string_view data,
                             mode_t mode = 0600,
                             Durability durability = Durability::kRename);

// Removes the temporary files that WriteFileAtomic leaves in a directory if its
// process is killed. For the one writer of that directory, at its start.
absl::Status SweepTemporaries(const std::string& directory);

// mkdir -p with `mode` for the directories it makes (umask does not apply to
// the last one).
absl::Status MakeDirs(const std::string& path, mode_t mode = 0755);

// unlink(2); missing is OK.
absl::Status RemoveFile(const std::string& path);
// The same for a file that is written with kExchange.
absl::Status RemoveExchanged(const std::string& path);

// rm -rf that never follows a symlink and never leaves the filesystem of
// `path` (a mount below is an error: FAILED_PRECONDITION). Missing is OK.
absl::Status RemoveTree(const std::string& path);

// Names in a directory, sorted, without "." and "..".
absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path);

bool Exists(const std::string& path);

// realpath(3): `path`, which exists, without symlinks.
absl::StatusOr<std::string> RealPath(const std::string& path);

// `base` + "/" + `rest` without doubled slashes. An absolute `rest` is taken
// relative to `base` (prefixing a root directory).
std::string JoinPath(absl::string_view base, absl::string_view rest);

}  // namespace runtime

#endif  // CORACLE_RUNTIME_BASE_FILE_H_
