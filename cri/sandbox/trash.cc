// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/trash.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::sandbox {

absl::Status Trash::Open() {
  RETURN_IF_ERROR(runtime::MakeDirs(directory_, 0700));
  ASSIGN_OR_RETURN(const std::vector<std::string> left,
                   runtime::ListDir(directory_));
  for (const std::string& name : left) RemoveLater(name);
  return absl::OkStatus();
}

absl::Status Trash::Take(const std::string& path) {
  while (true) {
    const std::string name = absl::StrCat(++serial_);
    const std::string aside = runtime::JoinPath(directory_, name);
    if (renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, aside.c_str(),
                  RENAME_NOREPLACE) == 0) {
      RemoveLater(name);
      return absl::OkStatus();
    }
    if (errno == ENOENT || errno == EXDEV) return runtime::RemoveTree(path);
    if (errno != EEXIST) {
      return runtime::ErrnoStatus(absl::StrCat("move ", path, " to ", aside));
    }
  }
}

void Trash::RemoveLater(const std::string& name) {
  janitor_.Post([path = runtime::JoinPath(directory_, name)] {
    const absl::Status removed = runtime::RemoveTree(path);
    if (removed.ok()) return;
    runtime::log::Error("trash, tried again at the next start: ",
                        removed.message());
  });
}

}  // namespace cri::sandbox
