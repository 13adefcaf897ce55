// SPDX-License-Identifier: Apache-2.0
// Reads the CRI log format, "<RFC3339Nano> <stdout|stderr> <P|F> <text>\n", and
// writes what the client wants to see of it.
#ifndef CORACLE_AGENT_SERVER_LOG_FORMAT_H_
#define CORACLE_AGENT_SERVER_LOG_FORMAT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/server/log_query.h"

namespace agent::server {

// A state machine over the bytes of a log file, in pieces of any size; it keeps
// at most the head of one line. Not thread safe.
class LogFormatter {
 public:
  explicit LogFormatter(const LogQuery& query);

  // Appends to *out what `bytes` become. Lines that are not of the format are
  // left out.
  void Feed(absl::string_view bytes, std::string* out);

  // True once limitBytes have been given out.
  bool full() const { return remaining_ == 0; }

  // Another file follows; an unfinished line of the last one is over.
  void StartFile();

 private:
  enum class State { kHead, kText, kSkip };

  // Takes the head "<time> <stream> <tag>" apart; says what to do with its
  // text.
  State BeginLine(absl::string_view head, std::string* out);
  void EndLine(std::string* out);
  void Emit(absl::string_view text, std::string* out);

  const LogQuery query_;
  int64_t remaining_;  // bytes of limitBytes, or -1
  State state_ = State::kHead;
  std::string head_;
  bool partial_ = false;       // the line is a P
  bool at_line_start_ = true;  // of what the client sees
};

// Where the last `lines` lines of the file `fd` of `size` bytes begin. A line
// that was split into P…F parts counts once. Reads backwards in blocks.
absl::StatusOr<int64_t> TailOffset(int fd, int64_t size, int64_t lines);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_LOG_FORMAT_H_
