// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the output of a container on its way into the log. Every
// line of the log is one of the format, and joined they are what was put out,
// but for carriage returns at line ends.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/hold/log.h"
#include "tests/fuzz/pieces.h"

namespace {

std::string NewFile() {
  std::string path = "/dev/shm/coracle-fuzz-XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd < 0) abort();
  close(fd);
  return path;
}

// What a reader makes of the log; traps on a line that is none.
std::string Join(absl::string_view log) {
  std::string joined;
  if (!log.empty() && !absl::ConsumeSuffix(&log, "\n")) __builtin_trap();
  if (log.empty()) return joined;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    if (line.size() < runtime::hold::kTimeBytes + 10) __builtin_trap();
    line.remove_prefix(runtime::hold::kTimeBytes);
    const bool full = absl::ConsumePrefix(&line, " stdout F ");
    if (!full && !absl::ConsumePrefix(&line, " stdout P ")) __builtin_trap();
    if (line.size() > runtime::hold::kMaxLine) __builtin_trap();
    absl::StrAppend(&joined, line, full ? "\n" : "");
  }
  return joined;
}

std::string WithoutReturns(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\r", ""}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tests::Pieces pieces(data, size);
  // Lines longer than the limit need more than a fuzzer's input: 512 times it.
  std::string output;
  for (int i = 0; i < (size % 8 == 0 ? 512 : 1); ++i) {
    absl::StrAppend(&output, pieces.whole());
  }
  const std::string path = NewFile();
  runtime::hold::LogFile log;
  if (!log.Open(path).ok()) abort();
  runtime::hold::LineAssembler assembler("stdout");
  if (output.size() == pieces.whole().size()) {
    for (absl::string_view piece = pieces.Next(); !piece.empty();
         piece = pieces.Next()) {
      assembler.Feed(piece, &log);
    }
  } else {
    assembler.Feed(output, &log);
  }
  assembler.Finish(&log);
  const auto written = runtime::ReadFile(path);
  unlink(path.c_str());
  if (!written.ok() ||
      WithoutReturns(Join(*written)) != WithoutReturns(output)) {
    __builtin_trap();
  }
  return 0;
}
