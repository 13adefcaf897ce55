// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/netns_socket.h"

#include <sched.h>
#include <sys/socket.h>

#include "runtime/base/status.h"
#include "runtime/base/thread.h"

namespace cri::stream {

absl::StatusOr<runtime::UniqueFd> SocketInNamespace(int netns, int family) {
  absl::StatusOr<runtime::UniqueFd> result = absl::InternalError("not opened");
  const auto open = [&] {
    runtime::UniqueFd fd(
        socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.ok()) {
      result = std::move(fd);
    } else {
      result = runtime::ErrnoStatus("socket");
    }
  };
  if (netns < 0) {
    open();
    return result;
  }
  RETURN_IF_ERROR(runtime::RunInThread([&] {
    if (setns(netns, CLONE_NEWNET) != 0) {
      result = runtime::ErrnoStatus("enter the pod's network namespace");
      return;
    }
    open();
  }));
  return result;
}

}  // namespace cri::stream
