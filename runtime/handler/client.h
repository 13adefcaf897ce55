// SPDX-License-Identifier: Apache-2.0
// The daemon's side of the sockets of launcher and holders: one connection for
// one request at a time. Blocking with a deadline.
#ifndef CORACLE_RUNTIME_HANDLER_CLIENT_H_
#define CORACLE_RUNTIME_HANDLER_CLIENT_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "runtime/handler/handler.h"
#include "runtime/hold/wire.h"

namespace runtime::handler {

// Not thread safe.
class Connection {
 public:
  // To the socket `name` in `directory`. NOT_FOUND if nobody listens there
  // (any more): the peer is dead.
  static absl::StatusOr<Connection> Open(const std::string& directory,
                                         const char* name);

  absl::Status Send(const hold::Request& request,
                    const std::vector<int>& fds = {});
  // The next reply; UNAVAILABLE if the peer closed. A kStatus reply that is an
  // error becomes that error.
  absl::StatusOr<hold::Reply> Receive(absl::Time deadline,
                                      std::vector<UniqueFd>* fds = nullptr);
  absl::StatusOr<hold::Reply> Call(const hold::Request& request,
                                   absl::Time deadline);
  // Waits until the peer has closed, that is ended.
  absl::Status WaitForEnd(absl::Time deadline);
  // Once `fd` can be read, which has to stay open, whoever waits is told
  // CANCELLED; what has come already is still received.
  void EndBy(int fd) { end_fd_ = fd; }

  int fd() const { return fd_.get(); }
  UniqueFd TakeFd() { return std::move(fd_); }
  // Of the process that listens.
  pid_t peer() const { return peer_; }

 private:
  // Until there is something to receive.
  absl::Status Await(absl::Time deadline) const;

  UniqueFd fd_;
  pid_t peer_ = 0;
  int end_fd_ = -1;
};

// What is left until `deadline`, as poll() takes it: rounded up, 0 when it is
// over, an hour at most, also for the infinite future.
int PollMilliseconds(absl::Time deadline);

// Of the sandbox in `directory`. NOT_FOUND "sandbox …: not running".
absl::StatusOr<Connection> OpenHolder(const std::string& pods_dir,
                                      const std::string& sandbox_id);

ContainerState ToContainerState(const std::string& sandbox_id,
                                const state::ContainerRecord& record);

}  // namespace runtime::handler

#endif  // CORACLE_RUNTIME_HANDLER_CLIENT_H_
