// SPDX-License-Identifier: Apache-2.0
#include "agent/server/log_format.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "runtime/base/status.h"

namespace agent::server {
namespace {

// "2026-01-02T15:04:05.123456789+01:00 stderr F:…" fits well.
constexpr size_t kMaxHead = 256;
constexpr int64_t kBlock = 64 << 10;

struct Head {
  absl::string_view time, stream, tag;
};

// The three words before the text; false if there are not three yet.
bool SplitHead(absl::string_view line, Head* head) {
  size_t a = line.find(' ');
  if (a == absl::string_view::npos) return false;
  size_t b = line.find(' ', a + 1);
  if (b == absl::string_view::npos) return false;
  size_t c = line.find_first_of(" \n", b + 1);
  if (c == absl::string_view::npos) c = line.size();
  *head = {line.substr(0, a), line.substr(a + 1, b - a - 1),
           line.substr(b + 1, c - b - 1)};
  return true;
}

// Tags are joined by ':', the first says partial or full.
bool IsPartial(absl::string_view tag) {
  return tag.substr(0, tag.find(':')) == "P";
}

// Parsing every time would cost more than reading the log.
bool LooksLikeTime(absl::string_view text) {
  return text.size() >= 20 && absl::ascii_isdigit(text[0]) && text[4] == '-' &&
         text[10] == 'T';
}

}  // namespace

LogFormatter::LogFormatter(const LogQuery& query)
    : query_(query), remaining_(query.limit_bytes.value_or(-1)) {}

void LogFormatter::Emit(absl::string_view text, std::string* out) {
  if (remaining_ >= 0) {
    text = text.substr(0, static_cast<size_t>(remaining_));
    remaining_ -= static_cast<int64_t>(text.size());
  }
  out->append(text.data(), text.size());
}

LogFormatter::State LogFormatter::BeginLine(absl::string_view line,
                                            std::string* out) {
  Head head;
  if (!SplitHead(line, &head) ||
      (head.stream != "stdout" && head.stream != "stderr") ||
      !LooksLikeTime(head.time)) {
    return State::kSkip;
  }
  if (!query_.stream.empty() && head.stream != query_.stream) {
    return State::kSkip;
  }
  absl::Time time;
  if (query_.since &&
      (!absl::ParseTime(absl::RFC3339_full, head.time, &time, nullptr) ||
       time < *query_.since)) {
    return State::kSkip;
  }
  partial_ = IsPartial(head.tag);
  if (query_.timestamps && at_line_start_) {
    Emit(head.time, out);
    Emit(" ", out);
  }
  at_line_start_ = false;
  return State::kText;
}

void LogFormatter::EndLine(std::string* out) {
  if (state_ == State::kText && !partial_) {
    Emit("\n", out);
    at_line_start_ = true;
  }
  state_ = State::kHead;
  head_.clear();
}

void LogFormatter::StartFile() {
  state_ = State::kHead;
  head_.clear();
}

void LogFormatter::Feed(absl::string_view bytes, std::string* out) {
  while (!bytes.empty() && !full()) {
    if (state_ == State::kHead) {
      char c = bytes.front();
      bytes.remove_prefix(1);
      if (c == '\n') {
        state_ = BeginLine(head_, out);
        EndLine(out);
        continue;
      }
      head_ += c;
      if (c == ' ' && std::count(head_.begin(), head_.end(), ' ') == 3) {
        state_ = BeginLine(head_, out);
      } else if (head_.size() > kMaxHead) {
        state_ = State::kSkip;
      }
      continue;
    }
    size_t end = bytes.find('\n');
    if (state_ == State::kText) Emit(bytes.substr(0, end), out);
    if (end == absl::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    EndLine(out);
  }
}

absl::StatusOr<int64_t> TailOffset(int fd, int64_t size, int64_t lines) {
  if (lines == 0) return size;
  // `buffer` is one block and the head of the line that begins at its end.
  std::string buffer, following;
  int64_t end = size;  // where the line that is looked at ends
  int64_t seen = 0;    // lines behind `end` that count
  bool last = true;
  int64_t block_end = size;
  while (block_end > 0) {
    int64_t start = std::max<int64_t>(0, block_end - kBlock);
    buffer.resize(static_cast<size_t>(block_end - start));
    ssize_t n = pread(fd, buffer.data(), buffer.size(), start);
    if (n < 0) return runtime::ErrnoStatus("read log");
    if (static_cast<size_t>(n) != buffer.size()) {
      return absl::AbortedError("read log: the file became shorter");
    }
    size_t own = buffer.size();
    buffer += following;
    for (size_t i = own; i-- > 0;) {
      bool file_start = start == 0 && i == 0;
      size_t line = buffer[i] == '\n' ? i + 1 : i;
      if (buffer[i] != '\n' && !file_start) continue;
      int64_t line_start = start + static_cast<int64_t>(line);
      if (line_start < end) {
        Head head;
        bool partial =
            SplitHead(absl::string_view(buffer).substr(line, kMaxHead),
                      &head) &&
            IsPartial(head.tag);
        // A full line ends a logical one; so does an unfinished end of file.
        if (!partial || last) {
          if (seen == lines) return end;
          ++seen;
        }
        last = false;
        end = line_start;
      }
      // The very first line may begin with a line break.
      if (file_start && buffer[i] == '\n' && end > 0) {
        if (seen == lines) return end;
        end = 0;
      }
    }
    following = buffer.substr(0, kMaxHead);
    block_end = start;
  }
  return 0;
}

}  // namespace agent::server
