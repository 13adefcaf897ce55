// SPDX-License-Identifier: Apache-2.0
#include "agent/server/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/openat2.h"
#include "runtime/base/rotated_log.h"
#include "runtime/base/status.h"

namespace agent::server {
namespace {

using runtime::ErrnoStatus;
using runtime::UniqueFd;

constexpr int64_t kPiece = 64 << 10;

absl::Status NotALog(const std::string& path) {
  return absl::PermissionDeniedError(
      absl::StrCat("log ", path, " is not a regular file of the node's own"));
}

}  // namespace

absl::StatusOr<UniqueFd> OpenLog(const std::string& root,
                                 const std::string& path) {
  absl::string_view below = path;
  if (root.empty() || !absl::ConsumePrefix(&below, root) ||
      !absl::ConsumePrefix(&below, "/")) {
    return absl::PermissionDeniedError(
        absl::StrCat("log ", path, " is not below ", root));
  }
  ASSIGN_OR_RETURN(UniqueFd base,
                   runtime::OpenFile(root, O_PATH | O_DIRECTORY));
  // O_NONBLOCK: a FIFO in its place must not hold the thread
  UniqueFd file(runtime::OpenAt2(
      base.get(), std::string(below).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY,
      0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
  if (!file.ok()) {
    if (errno == ELOOP || errno == EXDEV || errno == ENXIO) {
      return NotALog(path);
    }
    return ErrnoStatus(absl::StrCat("open log ", path));
  }
  struct stat st;
  if (fstat(file.get(), &st) != 0) {
    return ErrnoStatus(absl::StrCat("stat log ", path));
  }
  if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink > 1) {
    return NotALog(path);
  }
  return file;
}

absl::StatusOr<std::unique_ptr<LogReader>> LogReader::Open(
    const std::string& root, const std::string& path, const LogQuery& query) {
  auto reader = std::unique_ptr<LogReader>(new LogReader(root, path, query));
  ASSIGN_OR_RETURN(reader->file_, OpenLog(root, path));
  struct stat st;
  if (fstat(reader->file_.get(), &st) != 0) {
    return ErrnoStatus(absl::StrCat("stat log ", path));
  }
  reader->end_ = st.st_size;
  if (query.tail_lines) {
    ASSIGN_OR_RETURN(
        reader->offset_,
        TailOffset(reader->file_.get(), st.st_size, *query.tail_lines));
  }
  return reader;
}

// True if the file was replaced and there is something to read again. The
// writer makes the new file only when it has left the old one, so the old one
// is read to its end once more after the new one was seen. A reader that fell
// behind goes through all that were written meanwhile and are still there.
absl::StatusOr<bool> LogReader::NextFile() {
  if (next_.ok()) {
    file_ = std::move(next_);
    offset_ = 0;
    formatter_.StartFile();
    return true;
  }
  struct stat now;
  if (fstat(file_.get(), &now) != 0) {
    return ErrnoStatus(absl::StrCat("stat log ", path_));
  }
  if (now.st_size < offset_) {  // somebody cut it short
    offset_ = 0;
    formatter_.StartFile();
    return now.st_size > 0;
  }
  ASSIGN_OR_RETURN(const runtime::LogAfter after,
                   runtime::FindLogAfter(path_, file_.get()));
  if (after.path.empty()) return false;
  absl::StatusOr<UniqueFd> next = OpenLog(root_, after.path);
  if (absl::IsNotFound(next.status())) return true;  // moved on, or removed
  RETURN_IF_ERROR(next.status());
  if (after.Is(next->get())) next_ = *std::move(next);
  return true;
}

absl::StatusOr<bool> LogReader::Read(std::string* out) {
  if (formatter_.full()) return false;
  int64_t want = kPiece;
  if (!follow_) want = std::min(want, end_ - offset_);
  if (want <= 0) return false;
  std::string buffer(static_cast<size_t>(want), '\0');
  ssize_t n;
  do {
    n = pread(file_.get(), buffer.data(), buffer.size(), offset_);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return ErrnoStatus(absl::StrCat("read log ", path_));
  if (n == 0) return follow_ ? NextFile() : absl::StatusOr<bool>(false);
  offset_ += n;
  formatter_.Feed(absl::string_view(buffer).substr(0, static_cast<size_t>(n)),
                  out);
  return !formatter_.full();
}

}  // namespace agent::server
