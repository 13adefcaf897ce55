// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp/cache.h"

#include <seccomp.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace runtime::seccomp {
namespace {

// File: kMagic, sizes of source and code, hash of both, flags; then source and
// code. Native byte order: it never leaves the host.
constexpr char kMagic[8] = {'C', 'R', 'S', 'E', 'C', 'B', 'P', '1'};

struct Header {
  char magic[8];
  uint64_t source_bytes, code_bytes, hash;
  uint64_t flags;
};

// FNV-1a: finds damage and spreads names; equality is decided by comparison.
constexpr uint64_t kBasis = 14695981039346656037u;
uint64_t Hash(absl::string_view text, uint64_t hash = kBasis) {
  for (char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  return hash;
}

uint64_t Start(uint64_t flags) { return kBasis ^ flags; }

void Append(std::string* out, const std::vector<std::string>& words) {
  for (const std::string& word : words) absl::StrAppend(out, word, ",");
  absl::StrAppend(out, "\n");
}

std::string Number(const std::optional<unsigned>& value) {
  return value.has_value() ? absl::StrCat(*value) : "-";
}

// Everything that the program depends on, as text.
std::string SourceOf(const spec::Seccomp& profile) {
  const scmp_version* version = seccomp_version();
  std::string source = absl::StrCat(
      CORACLE_VERSION, " ", version->major, ".", version->minor, ".",
      version->micro, " ", seccomp_arch_native(), "\n", profile.default_action,
      " ", Number(profile.default_errno_ret), "\n");
  Append(&source, profile.architectures);
  Append(&source, profile.flags);
  for (const spec::SeccompRule& rule : profile.rules) {
    absl::StrAppend(&source, rule.action, " ", Number(rule.errno_ret));
    for (const spec::SeccompArg& arg : rule.args) {
      absl::StrAppend(&source, " ", arg.index, arg.op, arg.value, ":",
                      arg.value_two);
    }
    absl::StrAppend(&source, " ");
    Append(&source, rule.names);
  }
  return source;
}

absl::string_view Bytes(const Program& program) {
  return absl::string_view(reinterpret_cast<const char*>(program.code.data()),
                           program.code.size() * sizeof(sock_filter));
}

std::optional<Program> Load(const std::string& file,
                            const std::string& source) {
  absl::StatusOr<std::string> text = ReadFile(file, 1 << 20);
  Header header;
  if (!text.ok() || text->size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, text->data(), sizeof(header));
  absl::string_view rest = absl::string_view(*text).substr(sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0 ||
      header.source_bytes != source.size() ||
      rest.size() < header.source_bytes ||
      rest.size() - header.source_bytes != header.code_bytes ||
      header.code_bytes % sizeof(sock_filter) != 0 ||
      rest.substr(0, source.size()) != source ||
      Hash(rest, Start(header.flags)) != header.hash) {
    return std::nullopt;
  }
  Program program;
  program.flags = static_cast<unsigned>(header.flags);
  program.code.resize(header.code_bytes / sizeof(sock_filter));
  std::memcpy(program.code.data(), rest.data() + source.size(),
              header.code_bytes);
  return program;
}

void Store(const std::string& directory, const std::string& file,
           const std::string& source, const Program& program) {
  absl::string_view code = Bytes(program);
  Header header = {};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.source_bytes = source.size();
  header.code_bytes = code.size();
  header.flags = program.flags;
  header.hash = Hash(code, Hash(source, Start(header.flags)));
  std::string text(reinterpret_cast<const char*>(&header), sizeof(header));
  absl::StrAppend(&text, source, code);
  // Written under a name of our own: others may store the same just now.
  std::string mine = absl::StrCat(file, ".", getpid());
  if (MakeDirs(directory, 0700).ok() && WriteFileAtomic(mine, text).ok()) {
    if (rename(mine.c_str(), file.c_str()) != 0) unlink(mine.c_str());
  }
}

}  // namespace

absl::StatusOr<Program> CompileCached(const spec::Seccomp& profile,
                                      const std::string& directory) {
  if (directory.empty()) return Compile(profile);
  std::string source = SourceOf(profile);
  std::string file =
      absl::StrCat(directory, "/", absl::Hex(Hash(source), absl::kZeroPad16));
  if (std::optional<Program> program = Load(file, source)) {
    return *std::move(program);
  }
  ASSIGN_OR_RETURN(Program program, Compile(profile));
  Store(directory, file, source, program);
  return program;
}

}  // namespace runtime::seccomp
