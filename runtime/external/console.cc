// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/console.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/fd_message.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime::external {

Console::~Console() {
  if (directory_.ok()) unlinkat(directory_.get(), name_.c_str(), 0);
}

std::string Console::path() const {
  return absl::StrCat("/proc/", getpid(), "/fd/", directory_.get(), "/", name_);
}

absl::Status Console::Open(const std::string& directory,
                           const std::string& name) {
  name_ = name;
  ASSIGN_OR_RETURN(directory_, OpenFile(directory, O_PATH | O_DIRECTORY));
  listen_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listen_.ok()) return ErrnoStatus("console socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path();
  if (text.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError("console socket: its path is too long");
  }
  memcpy(address.sun_path, text.data(), text.size());
  if (bind(listen_.get(), reinterpret_cast<sockaddr*>(&address),
           sizeof address) != 0 ||
      listen(listen_.get(), 1) != 0) {
    return ErrnoStatus("console socket");
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> Console::Receive() {
  UniqueFd peer(accept4(listen_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  UniqueFd master;
  char name[256];
  if (!peer.ok() ||
      ReceiveWithFd(peer.get(), name, sizeof name, &master, MSG_DONTWAIT) < 0) {
    return ErrnoStatus("the runtime sent no terminal");
  }
  if (master.ok()) return master;
  return absl::InternalError("the runtime sent no terminal");
}

}  // namespace runtime::external
