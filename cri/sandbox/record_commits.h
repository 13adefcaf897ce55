// SPDX-License-Identifier: Apache-2.0
// RecordCommits makes records durable a moment after they were written, all of
// that moment in one go: no call waits for a disk, and a power loss takes no
// more than what was confirmed in the last kCommitPause and during the commit.
#ifndef CORACLE_CRI_SANDBOX_RECORD_COMMITS_H_
#define CORACLE_CRI_SANDBOX_RECORD_COMMITS_H_

#include <functional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/base/executor.h"

namespace cri::sandbox {

inline constexpr absl::Duration kCommitPause = absl::Milliseconds(200);

// fsync(2) of a file or directory. One that is gone is OK.
absl::Status SyncPath(const std::string& path);

// Thread safe. Has no timer while nothing was written. Outlives the work of the
// executor; what is left then is committed by the destructor.
class RecordCommits {
 public:
  using Sync = std::function<absl::Status(const std::string& path)>;

  explicit RecordCommits(runtime::Executor* executor,
                         absl::Duration pause = kCommitPause,
                         Sync sync = SyncPath)
      : executor_(executor), pause_(pause), sync_(std::move(sync)) {}
  ~RecordCommits() { Commit(); }
  RecordCommits(const RecordCommits&) = delete;
  RecordCommits& operator=(const RecordCommits&) = delete;

  // The record at `path` was written. One that is removed need not be told: if
  // it comes back, it is that of something that has ended.
  void Written(const std::string& path) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Commit() ABSL_LOCKS_EXCLUDED(mutex_);

  runtime::Executor* const executor_;
  const absl::Duration pause_;
  const Sync sync_;
  absl::Mutex mutex_;
  std::set<std::string> written_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_RECORD_COMMITS_H_
