// SPDX-License-Identifier: Apache-2.0
#include "cri/server/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/lock.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

std::string ParentOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// True if somebody accepts connections there.
absl::StatusOr<bool> IsAlive(const std::string& path) {
  runtime::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return runtime::ErrnoStatus("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": too long for a socket"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof address) == 0;
}

}  // namespace

absl::StatusOr<std::string> SocketPath(const std::string& listen) {
  absl::string_view path = listen;
  if (!absl::ConsumePrefix(&path, "unix://") || !absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen: \"", listen, "\" is not unix:///PATH"));
  }
  return std::string(path);
}

absl::Status PreparePlace(const std::string& path) {
  RETURN_IF_ERROR(runtime::MakeDirs(ParentOf(path), 0700));
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("listen: ", path, " exists and is not a socket"));
  }
  ASSIGN_OR_RETURN(bool alive, IsAlive(path));
  if (alive) {
    return absl::AlreadyExistsError(
        absl::StrCat("listen: another server answers at ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> MakeBindDir(const std::string& path) {
  const std::string parent = ParentOf(path);
  const std::string name = path.substr(path.rfind('/') + 1);
  std::string directory =
      runtime::JoinPath(parent, absl::StrCat(".bind-", name));
  RETURN_IF_ERROR(runtime::RemoveTree(directory));
  if (mkdir(directory.c_str(), 0700) != 0) {
    return runtime::ErrnoStatus("mkdir " + directory);
  }
  return directory;
}

absl::Status Publish(const std::string& bind_dir, const std::string& path) {
  std::string bound = bind_dir + "/s";
  if (chmod(bound.c_str(), 0600) != 0) {
    return runtime::ErrnoStatus("chmod " + bound);
  }
  if (rename(bound.c_str(), path.c_str()) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("rename ", bound, " to ", path));
  }
  if (rmdir(bind_dir.c_str()) != 0) {
    return runtime::ErrnoStatus("rmdir " + bind_dir);
  }
  return absl::OkStatus();
}

absl::StatusOr<runtime::UniqueFd> LockDirectory(const std::string& directory) {
  std::string path = directory + "/cri.lock";
  ASSIGN_OR_RETURN(runtime::UniqueFd fd,
                   runtime::OpenFile(path, O_RDWR | O_CREAT, 0600));
  const absl::Status locked = runtime::LockFile(fd.get(), path);
  if (absl::IsAlreadyExists(locked)) {
    return absl::AlreadyExistsError(
        absl::StrCat("another CRI server uses ", directory));
  }
  RETURN_IF_ERROR(locked);
  return fd;
}

}  // namespace cri::server
