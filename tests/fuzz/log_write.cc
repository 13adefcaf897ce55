// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the output of a container on its way into the log. Every
// line of the log is one of the format, and joined they are what was put out,
// but for carriage returns at line ends. With a limit no file is larger and
// what is left is the end of it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/hold/log.h"
#include "tests/fuzz/pieces.h"

namespace {

std::string NewDirectory() {
  std::string path = "/dev/shm/coracle-fuzz-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) abort();
  return path;
}

// All files of the log, the oldest first; then they go.
std::string ReadAndRemove(const std::string& directory, uint64_t most) {
  std::vector<std::string> names = runtime::ListDir(directory).value();
  // "0.log" is the newest.
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
    return std::pair(a == "0.log", a) < std::pair(b == "0.log", b);
  });
  if (names.size() > runtime::hold::kMovedAside + 1) __builtin_trap();
  std::string all;
  for (const std::string& name : names) {
    const auto text = runtime::ReadFile(directory + "/" + name);
    if (!text.ok() || text->size() > most) __builtin_trap();
    all += *text;
  }
  if (!runtime::RemoveTree(directory).ok()) abort();
  return all;
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
  using runtime::hold::kMaxLine, runtime::hold::kTimeBytes;
  tests::Pieces pieces(data, size);
  // Lines longer than the limit need more than a fuzzer's input: 512 times it.
  std::string output;
  for (int i = 0; i < (size % 8 == 0 ? 512 : 1); ++i) {
    absl::StrAppend(&output, pieces.whole());
  }
  const std::string directory = NewDirectory();
  runtime::hold::LogFile log;
  if (!log.Open(directory + "/0.log").ok()) abort();
  // None, or one that may be less than a line.
  const uint64_t cap = size % 3 == 0 ? 0 : 100 * (size % 251 + 1);
  log.SetCap(cap);
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
  const uint64_t most =
      cap == 0 ? UINT64_MAX
               : std::max<uint64_t>(cap, kMaxLine + kTimeBytes + 11);
  const std::string written =
      WithoutReturns(Join(ReadAndRemove(directory, most)));
  const std::string wanted = WithoutReturns(output);
  if (cap == 0 ? written != wanted : !absl::EndsWith(wanted, written)) {
    __builtin_trap();
  }
  return 0;
}
