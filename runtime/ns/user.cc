// SPDX-License-Identifier: Apache-2.0
#include "runtime/ns/user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/ns/root_child.h"
#include "runtime/path/proc.h"

namespace runtime::ns {
namespace {

constexpr char kMapped = 'M';
constexpr size_t kMaxText = 512;

// What the process inside says: a status code, then its text.
std::string Pack(const absl::Status& status) {
  std::string packed(1, static_cast<char>(status.raw_code()));
  absl::StrAppend(&packed, absl::string_view(status.message()));
  packed.resize(std::min(packed.size(), kMaxText));
  return packed;
}

absl::Status Unpack(absl::string_view packed) {
  return absl::Status(static_cast<absl::StatusCode>(packed[0]),
                      packed.substr(1));
}

[[noreturn]] void RunInside(int socket,
                            const std::function<absl::Status()>& inside) {
  char byte = 0;
  // End of file: there is nobody any more who wants the namespaces.
  if (read(socket, &byte, 1) != 1 || byte != kMapped) _exit(1);
  absl::Status status = BecomeRoot();
  if (status.ok()) status = inside();
  std::string packed = Pack(status);
  if (send(socket, packed.data(), packed.size(), MSG_NOSIGNAL) < 0) _exit(1);
  // The namespaces live through us until the other side has opened them.
  while (read(socket, &byte, 1) < 0 && errno == EINTR) {
  }
  _exit(0);
}

// The process that is first in the new namespaces; ends with the object.
class Anchor {
 public:
  Anchor() = default;
  Anchor(const Anchor&) = delete;
  Anchor& operator=(const Anchor&) = delete;
  ~Anchor() {
    socket_.reset();
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
    }
  }

  absl::Status Start(uint64_t flags,
                     const std::function<absl::Status()>& inside) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
      return ErrnoStatus("socketpair");
    }
    socket_.reset(pair[0]);
    UniqueFd there(pair[1]);
    // No exit signal: the caller may count its other children by it.
    struct clone_args args = {};
    args.flags = flags | CLONE_NEWUSER;
    pid_ = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
    if (pid_ < 0) return ErrnoStatus("make a user namespace");
    if (pid_ == 0) {
      socket_.reset();
      RunInside(there.get(), inside);
    }
    return absl::OkStatus();
  }

  absl::Status Await() {
    if (send(socket_.get(), &kMapped, 1, MSG_NOSIGNAL) != 1) {
      return ErrnoStatus("user namespace");
    }
    char packed[kMaxText];
    ssize_t size = read(socket_.get(), packed, sizeof packed);
    if (size < 1) return absl::AbortedError("user namespace: its process died");
    return Unpack(absl::string_view(packed, static_cast<size_t>(size)));
  }

  pid_t pid() const { return pid_; }

 private:
  UniqueFd socket_;
  pid_t pid_ = 0;
};

absl::Status WriteMap(const path::Proc& proc, pid_t pid, const char* file,
                      const std::vector<spec::IdMapping>& map) {
  std::string text;
  for (const spec::IdMapping& line : map) {
    absl::StrAppend(&text, line.container_id, " ", line.host_id, " ", line.size,
                    "\n");
  }
  // The kernel takes the whole map in one write, and only once.
  return proc.Write(absl::StrCat(pid, "/", file), text);
}

absl::StatusOr<UniqueFd> OpenNamespace(pid_t pid, const char* name) {
  return OpenFile(absl::StrCat("/proc/", pid, "/ns/", name), O_RDONLY);
}

}  // namespace

absl::StatusOr<Owned> MakeOwned(const IdMaps& maps, uint64_t flags,
                                const std::function<absl::Status()>& inside) {
  if (maps.uids.empty() || maps.gids.empty()) {
    return absl::InvalidArgumentError(
        "user namespace: without mappings of user and group IDs");
  }
  ASSIGN_OR_RETURN(path::Proc proc, path::Proc::Open());
  Anchor anchor;
  RETURN_IF_ERROR(anchor.Start(flags, inside));
  RETURN_IF_ERROR(WriteMap(proc, anchor.pid(), "uid_map", maps.uids));
  RETURN_IF_ERROR(WriteMap(proc, anchor.pid(), "gid_map", maps.gids));
  RETURN_IF_ERROR(anchor.Await());
  Owned owned;
  ASSIGN_OR_RETURN(owned.user, OpenNamespace(anchor.pid(), "user"));
  if ((flags & CLONE_NEWNET) != 0) {
    ASSIGN_OR_RETURN(owned.network, OpenNamespace(anchor.pid(), "net"));
  }
  if ((flags & CLONE_NEWIPC) != 0) {
    ASSIGN_OR_RETURN(owned.ipc, OpenNamespace(anchor.pid(), "ipc"));
  }
  if ((flags & CLONE_NEWUTS) != 0) {
    ASSIGN_OR_RETURN(owned.uts, OpenNamespace(anchor.pid(), "uts"));
  }
  return owned;
}

absl::StatusOr<UniqueFd> MakeUser(const IdMaps& maps) {
  ASSIGN_OR_RETURN(Owned owned,
                   MakeOwned(maps, 0, [] { return absl::OkStatus(); }));
  return std::move(owned.user);
}

absl::Status EnterUser(int user_fd) {
  if (setns(user_fd, CLONE_NEWUSER) != 0) {
    return ErrnoStatus("enter the user namespace");
  }
  return absl::OkStatus();
}

absl::Status BecomeRoot() {
  // A change of user forgets whom to die with.
  int death_signal = 0;
  prctl(PR_GET_PDEATHSIG, &death_signal);
  int error = TakeRoot();
  prctl(PR_SET_PDEATHSIG, death_signal);
  if (error == 0) return absl::OkStatus();
  return ErrnoStatus(error, "become root of the user namespace");
}

std::optional<uint32_t> ToHost(const std::vector<spec::IdMapping>& map,
                               uint32_t id) {
  for (const spec::IdMapping& line : map) {
    if (id < line.container_id || id - line.container_id >= line.size) continue;
    return line.host_id + (id - line.container_id);
  }
  return std::nullopt;
}

}  // namespace runtime::ns
