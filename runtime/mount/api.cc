// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount/api.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace runtime::mount {

absl::StatusOr<UniqueFd> CloneTree(int dirfd, const std::string& path,
                                   bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (recursive) flags |= AT_RECURSIVE;
  if (path.empty()) flags |= AT_EMPTY_PATH;
  int fd = open_tree(dirfd, path.c_str(), flags);
  if (fd < 0) return ErrnoStatus(absl::StrCat("bind ", path));
  return UniqueFd(fd);
}

std::string FilesystemError(int context_fd) {
  // Each read gives one line: a letter for the kind, a space, the text.
  std::string error;
  char line[512];
  for (int i = 0; i < 16; ++i) {
    ssize_t size = read(context_fd, line, sizeof(line));
    if (size <= 0) break;
    absl::string_view text(line, static_cast<size_t>(size));
    if (text.size() > 2 && text[0] == 'e') error = std::string(text.substr(2));
  }
  while (!error.empty() && error.back() == '\n') error.pop_back();
  return error;
}

namespace {

absl::Status ContextError(int context, absl::string_view what) {
  int error = errno;
  absl::Status status = ErrnoStatus(error, what);
  std::string detail = FilesystemError(context);
  if (detail.empty()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), " (", detail, ")"));
}

absl::Status SetOption(int context, const std::string& option) {
  size_t equals = option.find('=');
  int result;
  if (equals == std::string::npos) {
    result = fsconfig(context, FSCONFIG_SET_FLAG, option.c_str(), nullptr, 0);
  } else {
    std::string key = option.substr(0, equals);
    result = fsconfig(context, FSCONFIG_SET_STRING, key.c_str(),
                      option.c_str() + equals + 1, 0);
  }
  if (result == 0) return absl::OkStatus();
  return ContextError(context, absl::StrCat("option ", option));
}

}  // namespace

absl::StatusOr<UniqueFd> NewFilesystem(const std::string& type,
                                       const std::string& source,
                                       const std::vector<std::string>& options,
                                       uint64_t attributes) {
  UniqueFd context(fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!context.ok()) return ErrnoStatus(absl::StrCat("filesystem ", type));
  if (!source.empty()) {
    RETURN_IF_ERROR(SetOption(context.get(), absl::StrCat("source=", source)));
  }
  for (const std::string& option : options) {
    RETURN_IF_ERROR(SetOption(context.get(), option));
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return ContextError(context.get(), absl::StrCat("filesystem ", type));
  }
  int fd = fsmount(context.get(), FSMOUNT_CLOEXEC,
                   static_cast<unsigned>(attributes));
  if (fd < 0) {
    return ContextError(context.get(), absl::StrCat("fsmount ", type));
  }
  return UniqueFd(fd);
}

absl::Status SetAttributes(int mount_fd, uint64_t set, uint64_t clear,
                           uint64_t propagation, bool recursive) {
  if (set == 0 && clear == 0 && propagation == 0) return absl::OkStatus();
  struct mount_attr attributes = {};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  unsigned flags = AT_EMPTY_PATH;
  if (recursive) flags |= AT_RECURSIVE;
  if (mount_setattr(mount_fd, "", flags, &attributes, sizeof(attributes)) !=
      0) {
    return ErrnoStatus("mount_setattr");
  }
  return absl::OkStatus();
}

absl::Status SetIdMap(int mount_fd, int user_fd, bool recursive) {
  struct mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_fd);
  unsigned flags = AT_EMPTY_PATH;
  if (recursive) flags |= AT_RECURSIVE;
  if (mount_setattr(mount_fd, "", flags, &attributes, sizeof(attributes)) ==
      0) {
    return absl::OkStatus();
  }
  if (errno == EINVAL) {
    return absl::FailedPreconditionError(
        "its filesystem does not support ID-mapped mounts");
  }
  return ErrnoStatus("ID-mapped mount");
}

absl::Status Attach(int mount_fd, int target_fd) {
  if (move_mount(mount_fd, "", target_fd, "",
                 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return ErrnoStatus("move_mount");
  }
  return absl::OkStatus();
}

}  // namespace runtime::mount
