// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/trash.h"

#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace runtime {
namespace {

constexpr absl::Duration kMostPatience = absl::Hours(1);

}  // namespace

// Shared with what is queued.
struct Trash::State {
  State(std::string d, Executor* e, absl::Duration p)
      : directory(std::move(d)),
        executor(e),
        patience(p),
        janitor(e),
        wait(p) {}

  const std::string directory;
  Executor* const executor;
  const absl::Duration patience;
  SerialQueue janitor;
  absl::Mutex mutex;
  std::set<std::string> failed ABSL_GUARDED_BY(mutex);  // names
  absl::Duration wait ABSL_GUARDED_BY(mutex);           // before the next try
  bool waiting ABSL_GUARDED_BY(mutex) = false;          // a timer runs
};

Trash::Trash(std::string directory, Executor* executor, absl::Duration patience)
    : state_(
          std::make_shared<State>(std::move(directory), executor, patience)) {}

absl::Status Trash::Open() {
  RETURN_IF_ERROR(MakeDirs(state_->directory, 0700));
  ASSIGN_OR_RETURN(const std::vector<std::string> left,
                   ListDir(state_->directory));
  for (const std::string& name : left) RemoveLater(state_, name);
  return absl::OkStatus();
}

absl::Status Trash::Take(const std::string& path) {
  while (true) {
    const std::string name = absl::StrCat(++serial_);
    const std::string aside = JoinPath(state_->directory, name);
    if (renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, aside.c_str(),
                  RENAME_NOREPLACE) == 0) {
      RemoveLater(state_, name);
      return absl::OkStatus();
    }
    if (errno == ENOENT || errno == EXDEV) return RemoveTree(path);
    if (errno != EEXIST) {
      return ErrnoStatus(absl::StrCat("move ", path, " to ", aside));
    }
  }
}

void Trash::RemoveLater(const std::shared_ptr<State>& state,
                        const std::string& name) {
  state->janitor.Post([state, name] { Remove(state, name); });
}

void Trash::Remove(const std::shared_ptr<State>& state,
                   const std::string& name) {
  const absl::Status removed = RemoveTree(JoinPath(state->directory, name));
  absl::Duration wait;
  {
    absl::MutexLock lock(&state->mutex);
    if (removed.ok()) {
      state->failed.erase(name);
      if (state->failed.empty()) state->wait = state->patience;
      return;
    }
    if (state->failed.insert(name).second) {
      log::Error("trash, to be tried again: ", removed.message());
    }
    if (std::exchange(state->waiting, true)) return;
    wait = state->wait;
    state->wait = std::min(2 * wait, kMostPatience);
  }
  state->executor->PostAfter(wait, [state] { TryAgain(state); });
}

void Trash::TryAgain(const std::shared_ptr<State>& state) {
  std::set<std::string> names;
  {
    absl::MutexLock lock(&state->mutex);
    state->waiting = false;
    names = state->failed;
  }
  for (const std::string& name : names) RemoveLater(state, name);
}

}  // namespace runtime
