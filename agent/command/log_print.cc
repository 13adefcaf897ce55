// SPDX-License-Identifier: Apache-2.0
#include "agent/command/log_print.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/file.h"
#include "runtime/base/rotated_log.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(200);
constexpr int kPollsPerQuestion = 5;
constexpr size_t kChunk = 64 << 10;

// Where the last `lines` lines of the file begin.
absl::StatusOr<off_t> TailOffset(int fd, const std::string& path,
                                 int64_t lines) {
  off_t end = lseek(fd, 0, SEEK_END);
  std::string chunk(kChunk, '\0');
  int64_t seen = 0;
  while (end > 0) {
    const size_t size = std::min<size_t>(kChunk, static_cast<size_t>(end));
    const off_t begin = end - static_cast<off_t>(size);
    if (pread(fd, chunk.data(), size, begin) != static_cast<ssize_t>(size)) {
      return runtime::ErrnoStatus(absl::StrCat("read ", path));
    }
    for (size_t i = size; i-- > 0;) {
      // The newline that ends the last line begins no further one.
      if (chunk[i] == '\n' && ++seen > lines) {
        return begin + static_cast<off_t>(i) + 1;
      }
    }
    end = begin;
  }
  return 0;
}

void Print(absl::string_view line, const PrintOptions& options) {
  bool to_stderr = false;
  const std::string shown = ShownLine(line, options.timestamps, &to_stderr);
  std::FILE* out = to_stderr ? stderr : stdout;
  // Both may end in one pipe: keep the order of the lines.
  if (to_stderr) std::fflush(stdout);
  std::fwrite(shown.data(), 1, shown.size(), out);
}

// Of one log, all the files that it becomes.
class Printer {
 public:
  Printer(const std::string& path, const PrintOptions& options)
      : path_(path), options_(options), chunk_(kChunk, '\0') {}

  // What the file has from *offset on.
  absl::Status PrintRest(int fd, off_t* offset) {
    ssize_t got = 0;
    while ((got = pread(fd, chunk_.data(), chunk_.size(), *offset)) > 0) {
      *offset += got;
      buffer_.append(chunk_.data(), static_cast<size_t>(got));
      size_t begin = 0, newline = 0;
      while ((newline = buffer_.find('\n', begin)) != std::string::npos) {
        Print(absl::string_view(buffer_).substr(begin, newline - begin),
              options_);
        begin = newline + 1;
      }
      buffer_.erase(0, begin);
    }
    if (got < 0) return runtime::ErrnoStatus(absl::StrCat("read ", path_));
    return absl::OkStatus();
  }

  // The same with the files that came after it; *fd is the last one then.
  absl::Status Follow(runtime::UniqueFd* fd, off_t* offset) {
    while (true) {
      ASSIGN_OR_RETURN(const runtime::LogAfter after,
                       runtime::FindLogAfter(path_, fd->get()));
      if (after.path.empty()) return absl::OkStatus();
      absl::StatusOr<runtime::UniqueFd> next =
          runtime::OpenFile(after.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if (absl::IsNotFound(next.status())) continue;  // moved on, or removed
      RETURN_IF_ERROR(next.status());
      if (!after.Is(next->get())) continue;
      // Nobody writes to it any more.
      RETURN_IF_ERROR(PrintRest(fd->get(), offset));
      buffer_.clear();
      *fd = *std::move(next);
      *offset = 0;
      RETURN_IF_ERROR(PrintRest(fd->get(), offset));
    }
  }

 private:
  const std::string& path_;
  const PrintOptions& options_;
  std::string buffer_, chunk_;  // an unfinished line; what is read at once
};

}  // namespace

std::string ShownLine(absl::string_view line, bool timestamps,
                      bool* to_stderr) {
  const size_t time_end = line.find(' ');
  const size_t stream_end = time_end == absl::string_view::npos
                                ? time_end
                                : line.find(' ', time_end + 1);
  const size_t tag_end = stream_end == absl::string_view::npos
                             ? stream_end
                             : line.find(' ', stream_end + 1);
  if (tag_end == absl::string_view::npos) return absl::StrCat(line, "\n");
  const absl::string_view stream =
      line.substr(time_end + 1, stream_end - time_end - 1);
  const absl::string_view tag =
      line.substr(stream_end + 1, tag_end - stream_end - 1);
  *to_stderr = stream == "stderr";
  return absl::StrCat(timestamps ? line.substr(0, time_end + 1) : "",
                      line.substr(tag_end + 1),
                      tag.substr(0, 1) == "P" ? "" : "\n");
}

absl::Status PrintLog(const std::string& path, const PrintOptions& options,
                      const std::function<bool()>& running) {
  ASSIGN_OR_RETURN(runtime::UniqueFd fd, runtime::OpenFile(path, O_RDONLY));
  // Of some runtimes the path is a link; the files are beside its target.
  const std::string file = runtime::RealPath(path).value_or(path);
  Printer printer(file, options);
  off_t offset = 0;
  if (options.tail >= 0) {
    ASSIGN_OR_RETURN(offset, TailOffset(fd.get(), path, options.tail));
  }
  bool last_round = !options.follow;
  for (int polls = 1;; ++polls) {
    RETURN_IF_ERROR(printer.PrintRest(fd.get(), &offset));
    if (options.follow) RETURN_IF_ERROR(printer.Follow(&fd, &offset));
    std::fflush(stdout);
    if (last_round) return absl::OkStatus();
    // What was written before the container ended is read once more.
    if (polls % kPollsPerQuestion == 0) last_round = !running();
    if (!last_round) absl::SleepFor(kPoll);
  }
}

}  // namespace agent::command
