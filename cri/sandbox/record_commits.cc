// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/record_commits.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace cri::sandbox {

absl::Status SyncPath(const std::string& path) {
  const runtime::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok() && errno == ENOENT) return absl::OkStatus();
  if (!fd.ok()) return runtime::ErrnoStatus(absl::StrCat("open ", path));
  if (fsync(fd.get()) == 0) return absl::OkStatus();
  return runtime::ErrnoStatus(absl::StrCat("fsync ", path));
}

void RecordCommits::Written(const std::string& path) {
  {
    absl::MutexLock lock(&mutex_);
    const bool first = written_.empty();
    written_.insert(path);
    if (!first) return;  // a commit is due
  }
  executor_->PostAfter(pause_, [this] { Commit(); });
}

void RecordCommits::Commit() {
  std::set<std::string> paths;
  {
    absl::MutexLock lock(&mutex_);
    paths.swap(written_);
  }
  // Files before the directories that name them.
  std::set<std::string> directories;
  absl::Status status;
  for (const std::string& path : paths) {
    status.Update(sync_(path));
    directories.insert(path.substr(0, path.rfind('/')));
  }
  for (const std::string& directory : directories) {
    status.Update(sync_(directory));
  }
  if (!status.ok()) {
    runtime::log::Error("records may not outlive a loss of the power: ",
                        status.message());
  }
}

}  // namespace cri::sandbox
