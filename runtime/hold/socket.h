// SPDX-License-Identifier: Apache-2.0
// Local sockets of launcher and holder: path sockets in directories that only
// root enters (never abstract ones, which a host-network pod could reach,
// CVE-2020-15257), messages with descriptors, and the check of the peer.
// Errors are errnos: this serves the holder, which keeps no Status.
#ifndef CORACLE_RUNTIME_HOLD_SOCKET_H_
#define CORACLE_RUNTIME_HOLD_SOCKET_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace runtime::hold {

// A listening SOCK_SEQPACKET socket `name` (mode 0600) in the directory
// `dir_fd`; an old socket file of that name is replaced. Returns the socket or
// -errno. Works for paths longer than sun_path.
int ListenAt(int dir_fd, const char* name, int backlog);
// A connection to it, or -errno; -ETIMEDOUT if it does not take one in 10 s.
int ConnectAt(int dir_fd, const char* name);

// Whether the other end is root; its pid (when it connected or listened).
bool PeerIsRoot(int fd, pid_t* pid);

// One message with descriptors. 0 or an errno; EAGAIN if the peer does not
// read and `fd` does not block. Never raises SIGPIPE.
int SendMessage(int fd, absl::string_view data, const int* fds = nullptr,
                int fd_count = 0);

struct Received {
  std::string data;
  std::vector<UniqueFd> fds;
};
// One message of at most kMaxMessage bytes. 0, ENODATA at end of file, EMSGSIZE
// if it was larger, or an errno.
int ReceiveMessage(int fd, Received* received);

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_SOCKET_H_
