// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/path/root.h"

namespace runtime::hold {
namespace {

void Digits(uint64_t value, int count, char* out) {
  while (count-- > 0) {
    out[count] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Proleptic Gregorian date of a day number since 1970-01-01. gmtime_r would do
// but reads the time zone database into private memory.
void CivilDate(int64_t days, uint64_t* year, uint64_t* month, uint64_t* day) {
  int64_t shifted = days + 719468;  // since 0000-03-01, so leap days come last
  uint64_t era = static_cast<uint64_t>(shifted) / 146097;
  uint64_t day_of_era = static_cast<uint64_t>(shifted) % 146097;
  uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                          day_of_era / 146096) /
                         365;
  uint64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  uint64_t shifted_month = (5 * day_of_year + 2) / 153;
  *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

absl::StatusOr<UniqueFd> OpenForAppending(const std::string& path) {
  using Links = path::Root::Links;
  // Without O_NONBLOCK a FIFO in its place would stop the holder for ever.
  constexpr int kFlags =
      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  ASSIGN_OR_RETURN(const path::Root root, path::Root::Open("/"));
  absl::StatusOr<UniqueFd> fd = root.OpenAt(path, kFlags, 0640, Links::kRefuse);
  if (!absl::IsNotFound(fd.status())) return fd;
  RETURN_IF_ERROR(root.MakeParent(path, Links::kRefuse).status());
  return root.OpenAt(path, kFlags, 0640, Links::kRefuse);
}

iovec Part(absl::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};
}

}  // namespace

void FormatTime(const timespec& time, char out[kTimeBytes]) {
  memcpy(out, "0000-00-00T00:00:00.000000000Z", kTimeBytes);
  int64_t seconds = std::max<int64_t>(time.tv_sec, 0);
  uint64_t year, month, day;
  CivilDate(seconds / 86400, &year, &month, &day);
  uint64_t rest = static_cast<uint64_t>(seconds % 86400);
  Digits(year, 4, out);
  Digits(month, 2, out + 5);
  Digits(day, 2, out + 8);
  Digits(rest / 3600, 2, out + 11);
  Digits(rest / 60 % 60, 2, out + 14);
  Digits(rest % 60, 2, out + 17);
  Digits(static_cast<uint64_t>(time.tv_nsec), 9, out + 20);
}

absl::Status LogFile::Open(const std::string& path) {
  absl::StatusOr<UniqueFd> fd = OpenForAppending(path);
  struct stat st;
  const bool known =
      fd.ok() ? fstat(fd->get(), &st) == 0 : lstat(path.c_str(), &st) == 0;
  if (known && !S_ISREG(st.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is not a regular file"));
  }
  RETURN_IF_ERROR(fd.status());
  fd_ = *std::move(fd);
  size_ = known ? static_cast<uint64_t>(st.st_size) : 0;
  path_ = path;
  return absl::OkStatus();
}

void LogFile::Add(absl::string_view stream, absl::string_view content,
                  bool partial) {
  if (!fd_.ok()) return;
  const size_t bytes = kHeadBytes + content.size() + 1;
  if (cap_ != 0) MakeRoom(bytes);
  char* head = heads_[lines_];
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  FormatTime(now, head);
  head[kTimeBytes] = ' ';
  memcpy(head + kTimeBytes + 1, stream.data(), 6);
  std::copy_n(partial ? " P " : " F ", 3, head + kTimeBytes + 7);
  parts_[lines_ * 3] = Part(absl::string_view(head, kHeadBytes));
  parts_[lines_ * 3 + 1] = Part(content);
  parts_[lines_ * 3 + 2] = Part("\n");
  batch_ += bytes;
  if (++lines_ == kBatch) Flush();
}

void LogFile::Flush() {
  if (lines_ == 0) return;
  ssize_t written;
  do {
    written = writev(fd_.get(), parts_, static_cast<int>(lines_ * 3));
  } while (written < 0 && errno == EINTR);
  if (written > 0) {
    size_t kept = static_cast<size_t>(written);
    if (kept < batch_) kept = KeepWholeLines(kept);
    size_ += kept;
  }
  lines_ = 0;
  batch_ = 0;
}

// The disk filled up in the middle of a line: cut the file back to the line's
// start. We are the only writer. Returns how much of `written` is left.
size_t LogFile::KeepWholeLines(size_t written) {
  size_t whole = 0;
  for (size_t i = 0; i < lines_; ++i) {
    size_t size = parts_[i * 3].iov_len + parts_[i * 3 + 1].iov_len + 1;
    if (whole + size > written) break;
    whole += size;
  }
  struct stat st;
  off_t torn = static_cast<off_t>(written - whole);
  // If this fails too, the reader sees one torn line: nothing is left to do.
  if (fstat(fd_.get(), &st) != 0 || st.st_size < torn ||
      ftruncate(fd_.get(), st.st_size - torn) != 0) {
    return written;
  }
  return whole;
}

void LineAssembler::Emit(absl::string_view piece, bool partial, LogFile* log) {
  if (!partial && !piece.empty() && piece.back() == '\r') {
    piece.remove_suffix(1);
  }
  log->Add(stream_, piece, partial);
}

void LineAssembler::Feed(absl::string_view data, LogFile* log) {
  while (!data.empty()) {
    size_t room = kMaxLine - pending_.size();
    size_t end = data.substr(0, room + 1).find('\n');
    if (end == absl::string_view::npos && data.size() <= room) {
      log->Flush();  // what was added points into `data`
      pending_.append(data.data(), data.size());
      return;
    }
    bool partial = end == absl::string_view::npos;
    size_t take = partial ? room : end;
    if (pending_.empty()) {
      Emit(data.substr(0, take), partial, log);
    } else {
      pending_.append(data.data(), take);
      Emit(pending_, partial, log);
      log->Flush();
      std::string().swap(pending_);  // gives the memory back
    }
    data.remove_prefix(partial ? take : take + 1);
  }
  log->Flush();
}

void LineAssembler::Finish(LogFile* log) {
  if (pending_.empty()) return;
  Emit(pending_, true, log);
  log->Flush();
  std::string().swap(pending_);
}

}  // namespace runtime::hold
