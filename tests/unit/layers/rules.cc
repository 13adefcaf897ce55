// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/layers/rules.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace tests::layers {
namespace {

constexpr char kSpdx[] = "SPDX-License-Identifier: Apache-2.0";
constexpr size_t kSoftLines = 400;
constexpr size_t kHardLines = 600;

using Strings = std::vector<absl::string_view>;

// Who may include what, by the beginning of the path. The first row that fits
// holds. Every file may include its own folder.
struct Row {
  absl::string_view who;
  Strings may;
};
const std::vector<Row>& Rows() {
  static const auto* const kRows = new std::vector<Row>{
      {"proto/", {"proto/"}},
      // One kernel idea per folder, on top of the same few.
      {"runtime/base/", {}},
      {"runtime/path/", {"runtime/base/"}},
      {"runtime/spec/", {"runtime/base/"}},
      {"runtime/state/", {"runtime/base/", "runtime/path/"}},
      {"runtime/launch/",
       {"runtime/base/", "runtime/path/", "runtime/spec/", "runtime/ns/",
        "runtime/mount/", "runtime/cgroup/", "runtime/seccomp/",
        "runtime/caps/", "runtime/lsm/", "runtime/net/", "runtime/state/"}},
      // These are where launching is used from.
      {"runtime/external/", {"runtime/"}},
      {"runtime/hold/", {"runtime/"}},
      {"runtime/handler/", {"runtime/"}},
      {"runtime/command/", {"runtime/"}},
      {"runtime/vm/", {"runtime/"}},
      {"runtime/main.cc", {"runtime/"}},
      {"runtime/", {"runtime/base/", "runtime/path/", "runtime/spec/"}},
      {"cri/", {"cri/", "runtime/", "proto/"}},
      // The composition root wires the layers together.
      {"agent/main.cc", {"agent/", "cri/", "runtime/", "proto/"}},
      {"agent/command/", {"agent/", "cri/", "runtime/", "proto/"}},
      // The agent reaches a runtime over the CRI alone.
      {"agent/", {"agent/", "runtime/base/", "runtime/systemd/", "proto/"}},
  };
  return *kRows;
}

// Libraries that `coracle-oci` must not link.
const Strings& NotInRuntime() {
  static const auto* const kLibraries = new Strings{
      "grpc", "grpcpp/", "google/protobuf/", "curl/", "boost/", "yaml-cpp/"};
  return *kLibraries;
}

bool BeginsWithAny(absl::string_view text, const Strings& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [text](absl::string_view beginning) {
                       return absl::StartsWith(text, beginning);
                     });
}

bool IsOurs(absl::string_view include) {
  return BeginsWithAny(include, {"proto/", "runtime/", "cri/", "agent/"});
}

// Between clone3 and execve: see runtime/base/raw.h.
bool IsRaw(absl::string_view path) {
  return absl::EndsWith(path, "_child.cc") ||
         absl::EndsWith(path, "_child.h") || path == "runtime/base/raw.h";
}

// C headers, other raw files and what has only plain data in it.
bool MayIncludeInRaw(absl::string_view include) {
  static const auto* const kPlain =
      new Strings{"runtime/base/fd_message.h", "runtime/base/unique_fd.h",
                  "runtime/caps/caps.h", "runtime/spec/plain.h"};
  if (IsOurs(include)) return IsRaw(include) || BeginsWithAny(include, *kPlain);
  return absl::EndsWith(include, ".h") && !BeginsWithAny(include, {"absl/"});
}

bool MayInclude(absl::string_view path, absl::string_view include) {
  if (IsRaw(path) && absl::StartsWith(path, "runtime/") && !include.empty() &&
      !MayIncludeInRaw(include)) {
    return false;
  }
  if (absl::StartsWith(path, "runtime/") &&
      BeginsWithAny(include, NotInRuntime())) {
    return false;
  }
  if (!IsOurs(include)) return true;
  const absl::string_view folder = path.substr(0, path.rfind('/') + 1);
  if (absl::StartsWith(include, folder)) return true;
  for (const Row& row : Rows()) {
    if (absl::StartsWith(path, row.who)) return BeginsWithAny(include, row.may);
  }
  return true;
}

// What stands between quotes or angle brackets; "" if `line` includes nothing.
absl::string_view IncludeOf(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "#")) return "";
  line = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "include")) return "";
  line = absl::StripLeadingAsciiWhitespace(line);
  if (line.empty() || (line[0] != '"' && line[0] != '<')) return "";
  const char closing = line[0] == '"' ? '"' : '>';
  const size_t end = line.find(closing, 1);
  return end == absl::string_view::npos ? "" : line.substr(1, end - 1);
}

bool IsCpp(absl::string_view path) {
  return absl::EndsWith(path, ".cc") || absl::EndsWith(path, ".h");
}

// Data has no comments: CMakePresets.json, go.sum.
bool NeedsSpdx(absl::string_view path, absl::string_view text) {
  const absl::string_view name = path.substr(path.rfind('/') + 1);
  return IsCpp(path) || name == "CMakeLists.txt" || name == "README.md" ||
         name == ".clang-format" || name == ".clang-tidy" ||
         name == ".gitignore" || absl::EndsWith(name, ".cmake") ||
         absl::EndsWith(name, ".proto") || absl::EndsWith(name, ".sh") ||
         absl::EndsWith(name, ".py") || absl::EndsWith(name, ".go") ||
         absl::StartsWith(text, "#!");
}

std::string GuardOf(absl::string_view path) {
  std::string guard = absl::StrCat("CORACLE_", path, "_");
  for (char& c : guard)
    c = absl::ascii_isalnum(c) ? absl::ascii_toupper(c) : '_';
  return guard;
}

void CheckLines(const std::string& path, const Strings& lines,
                std::vector<std::string>& wrong) {
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string where = absl::StrCat(path, ":", i + 1, ": ");
    const absl::string_view include = IncludeOf(lines[i]);
    if (!MayInclude(path, include)) {
      wrong.push_back(absl::StrCat(where, "must not include ", include));
    }
    if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(lines[i]),
                         "using namespace ")) {
      wrong.push_back(absl::StrCat(where, "using namespace"));
    }
  }
}

void CheckGuard(const std::string& path, const Strings& lines,
                std::vector<std::string>& wrong) {
  const std::string guard = GuardOf(path);
  const auto has = [&lines](const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  };
  if (!has(absl::StrCat("#ifndef ", guard)) ||
      !has(absl::StrCat("#define ", guard)) ||
      !has(absl::StrCat("#endif  // ", guard))) {
    wrong.push_back(
        absl::StrCat(path, ": the include guard has to be ", guard));
  }
}

}  // namespace

std::vector<std::string> Check(const std::string& path,
                               absl::string_view text) {
  std::vector<std::string> wrong;
  const Strings lines = absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
  if (NeedsSpdx(path, text)) {
    // A script has it on its second line, a text that is read on its last.
    const size_t at = absl::EndsWith(path, ".md")        ? lines.size() - 1
                      : absl::StartsWith(lines[0], "#!") ? 1
                                                         : 0;
    if (lines.size() <= at || !absl::StrContains(lines[at], kSpdx)) {
      wrong.push_back(absl::StrCat(path, ":", at + 1, ": has to say ", kSpdx));
    }
  }
  if (!IsCpp(path)) return wrong;
  if (lines.size() > kHardLines) {
    wrong.push_back(absl::StrCat(path, ": ", lines.size(), " lines, of ",
                                 kHardLines, " at most"));
  }
  if (absl::EndsWith(path, ".h")) CheckGuard(path, lines, wrong);
  CheckLines(path, lines, wrong);
  return wrong;
}

bool IsLong(absl::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) >
         kSoftLines;
}

}  // namespace tests::layers
