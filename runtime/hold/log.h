// SPDX-License-Identifier: Apache-2.0
// The container log: byte streams in, lines of the CRI log format out
// ("<time> stdout F text"). One writev(2) for whole lines, so that readers
// never see a mix of two. Written for the holder: no heap while no line is
// half read, no locale, no time zone files.
#ifndef CORACLE_RUNTIME_HOLD_LOG_H_
#define CORACLE_RUNTIME_HOLD_LOG_H_

#include <sys/uio.h>
#include <time.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace runtime::hold {

// A longer line is cut into pieces tagged P; only its end is tagged F.
inline constexpr size_t kMaxLine = 16 << 10;
// "2016-10-06T00:17:09.669794202Z"
inline constexpr size_t kTimeBytes = 30;

// Of the files that a LogFile has moved aside itself so many stay.
inline constexpr size_t kMovedAside = 2;

// RFC 3339 in UTC with nine digits, not NUL terminated.
void FormatTime(const timespec& time, char out[kTimeBytes]);

// The log file of one container. Not thread safe. A full disk or a vanished
// directory loses lines, never the container: whole lines only.
class LogFile {
 public:
  // Before a line makes the file larger than `bytes`, the file is moved aside
  // to "<path>.20060102-150405.<nanoseconds>" and a new one begun: a kubelet
  // names its own without the end and cleans up all. A line longer than that
  // gets a file of its own. If moving fails, the file grows on, standard error
  // is told, and it is tried again each second. 0: no limit.
  void SetCap(uint64_t bytes) { cap_ = bytes; }

  // Opens or creates `path` (absolute) for appending, with missing parents.
  // Refuses anything but a regular file: FAILED_PRECONDITION; and a symlink
  // anywhere on the way (CVE class: a pod that reaches the logs puts links in
  // their place). On an error the old file stays in use.
  absl::Status Open(const std::string& path);

  // Adds a line to the batch; `content` must live until Flush.
  void Add(absl::string_view stream, absl::string_view content, bool partial);
  // Writes the batch.
  void Flush();

  bool is_open() const { return fd_.ok(); }

 private:
  static constexpr size_t kBatch = 8;
  static constexpr size_t kHeadBytes = kTimeBytes + 10;

  size_t KeepWholeLines(size_t written);

  // log_cap.cc
  // Before a line of so many bytes is added.
  void MakeRoom(uint64_t bytes);
  absl::Status MoveAside(uint64_t bytes);
  // Of those moved aside, if there are as many as may stay.
  absl::Status RemoveOldest(int directory, const std::string& name);

  UniqueFd fd_;
  std::string path_;
  uint64_t cap_ = 0;
  uint64_t size_ = 0;   // of the file, as far as we know
  uint64_t batch_ = 0;  // bytes of the lines below
  int64_t retry_ = 0;   // monotonic ns; 0: the last move succeeded
  // When the files were moved aside, which is their names; the oldest first.
  int64_t moved_[kMovedAside] = {};
  size_t lines_ = 0;
  iovec parts_[kBatch * 3];
  char heads_[kBatch][kHeadBytes];
};

// Assembles one stream of one container into lines. Not thread safe.
class LineAssembler {
 public:
  // `stream` is "stdout" or "stderr" and must be a literal.
  explicit LineAssembler(const char* stream) : stream_(stream) {}

  // All finished lines of `data` go to `log`; the rest waits for more.
  void Feed(absl::string_view data, LogFile* log);
  // End of the stream: what is left is written as a partial line.
  void Finish(LogFile* log);

 private:
  void Emit(absl::string_view piece, bool partial, LogFile* log);

  const char* stream_;
  std::string pending_;
};

}  // namespace runtime::hold

#endif  // CORACLE_RUNTIME_HOLD_LOG_H_
