// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/hold/wire.h"

namespace runtime::hold {
namespace {

constexpr time_t kConnectSeconds = 10;

// Through the open directory, so that a long state directory does not meet the
// 108 bytes of sun_path.
bool MakeAddress(int dir_fd, const char* name, sockaddr_un* address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  int size = snprintf(address->sun_path, sizeof address->sun_path,
                      "/proc/self/fd/%d/%s", dir_fd, name);
  return size > 0 && static_cast<size_t>(size) < sizeof address->sun_path;
}

}  // namespace

int ListenAt(int dir_fd, const char* name, int backlog) {
  sockaddr_un address;
  if (!MakeAddress(dir_fd, name, &address)) return -ENAMETOOLONG;
  UniqueFd fd(
      socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return -errno;
  if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT) return -errno;
  mode_t old_mask = umask(0177);
  int result = bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                    sizeof address);
  int error = errno;
  umask(old_mask);
  if (result != 0) return -error;
  if (listen(fd.get(), backlog) != 0) return -errno;
  return fd.release();
}

int ConnectAt(int dir_fd, const char* name) {
  sockaddr_un address;
  if (!MakeAddress(dir_fd, name, &address)) return -ENAMETOOLONG;
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return -errno;
  // A listener that is stopped and whose queue is full would be waited for. The
  // limit goes again: it is not one of messages.
  timeval limit{kConnectSeconds, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  while (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                 sizeof address) != 0) {
    if (errno == EAGAIN) return -ETIMEDOUT;
    if (errno != EINTR) return -errno;
  }
  limit = {};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return fd.release();
}

bool PeerIsRoot(int fd, pid_t* pid) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (pid != nullptr) *pid = peer.pid;
  return peer.uid == 0;
}

int SendMessage(int fd, absl::string_view data, const int* fds, int fd_count) {
  if (data.size() > kMaxMessage || fd_count > kMaxFds) return EMSGSIZE;
  iovec part{const_cast<char*>(data.data()), data.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd_count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, fd_count * sizeof(int));
  }
  while (sendmsg(fd, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int ReceiveMessage(int fd, Received* received) {
  // Not zeroed: that would touch pages which a message never fills.
  char buffer[kMaxMessage] __attribute__((uninitialized));
  iovec part{buffer, sizeof buffer};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size;
  while ((size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC)) < 0) {
    if (errno != EINTR) return errno;
  }
  received->fds.clear();
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int passed;
      memcpy(&passed, CMSG_DATA(head) + i * sizeof(int), sizeof passed);
      received->fds.emplace_back(passed);
    }
  }
  if (size == 0) return ENODATA;
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return EMSGSIZE;
  received->data.assign(buffer, static_cast<size_t>(size));
  return 0;
}

}  // namespace runtime::hold
