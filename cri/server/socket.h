// SPDX-License-Identifier: Apache-2.0
// The socket's place in the file system. gRPC binds in a private directory
// first, so that the socket is never reachable with a wider mode than 0600, and
// the finished one replaces a stale one in one step.
#ifndef CORACLE_CRI_SERVER_SOCKET_H_
#define CORACLE_CRI_SERVER_SOCKET_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace cri::server {

// "unix:///run/x.sock" → "/run/x.sock".
absl::StatusOr<std::string> SocketPath(const std::string& listen);

// ALREADY_EXISTS if a living server answers at `path`, FAILED_PRECONDITION if
// something that is no socket lies there. Makes missing parents (0700).
absl::Status PreparePlace(const std::string& path);

// An empty private directory beside `path` to bind in. It has the same name
// each time, so that one that a killed server left is taken up again.
absl::StatusOr<std::string> MakeBindDir(const std::string& path);

// Moves `bind_dir`/s to `path` with mode 0600 and removes the directory.
absl::Status Publish(const std::string& bind_dir, const std::string& path);

// An exclusive lock on `<directory>/cri.lock` for as long as the result lives;
// ALREADY_EXISTS if another process has it.
absl::StatusOr<runtime::UniqueFd> LockDirectory(const std::string& directory);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_SOCKET_H_
