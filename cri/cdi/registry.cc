// SPDX-License-Identifier: Apache-2.0
#include "cri/cdi/registry.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::cdi {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;
constexpr size_t kMaxFiles = 1024;  // of a directory

bool IsSpecFile(absl::string_view name) {
  return absl::EndsWith(name, ".json") || absl::EndsWith(name, ".yaml");
}

// A FIFO in the directory must not hold a request up.
absl::StatusOr<std::string> ReadRegular(const std::string& path) {
  ASSIGN_OR_RETURN(runtime::UniqueFd fd,
                   runtime::OpenFile(path, O_RDONLY | O_NONBLOCK));
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return runtime::ErrnoStatus(path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is not a regular file"));
  }
  return runtime::ReadFd(fd.get(), path, kMaxFileBytes);
}

}  // namespace

Registry::Registry(std::vector<std::string> directories)
    : directories_(std::move(directories)) {}

void Registry::Configure(std::vector<std::string> directories) {
  absl::MutexLock lock(&mutex_);
  directories_ = std::move(directories);
}

void Registry::Add(std::shared_ptr<const File> file, size_t priority,
                   Scan& scan) {
  for (const auto& [device, edits] : file->spec.devices) {
    Found& found = scan.devices[absl::StrCat(file->spec.kind, "=", device)];
    if (found.file != nullptr && found.priority == priority) {
      found.rival = file;
      continue;
    }
    found = {file, nullptr, priority};
  }
}

void Registry::ReadDirectory(const std::string& directory, size_t priority,
                             Scan& scan) {
  absl::StatusOr<std::vector<std::string>> names = runtime::ListDir(directory);
  if (absl::IsNotFound(names.status())) return;
  if (!names.ok()) {
    scan.problems.emplace_back(names.status().message());
    return;
  }
  size_t count = 0;
  for (const std::string& name : *names) {
    if (!IsSpecFile(name)) continue;
    if (++count > kMaxFiles) {
      scan.problems.push_back(absl::StrCat(directory, ": more than ", kMaxFiles,
                                           " files; the rest is left out"));
      return;
    }
    const std::string path = runtime::JoinPath(directory, name);
    absl::StatusOr<std::string> text = ReadRegular(path);
    absl::StatusOr<Spec> spec =
        text.ok() ? ParseSpec(*text, path) : text.status();
    if (!spec.ok()) {
      scan.problems.emplace_back(spec.status().message());
      continue;
    }
    Add(std::make_shared<const File>(File{path, *std::move(spec)}), priority,
        scan);
  }
}

std::vector<std::string> Registry::Directories() const {
  absl::MutexLock lock(&mutex_);
  return directories_;
}

Registry::Scan Registry::ScanAll(const std::vector<std::string>& directories) {
  Scan scan;
  for (size_t i = 0; i < directories.size(); ++i) {
    ReadDirectory(directories[i], i, scan);
  }
  return scan;
}

Overview Registry::Look() const {
  Overview overview;
  overview.directories = Directories();
  Scan scan = ScanAll(overview.directories);
  for (const auto& [name, found] : scan.devices) {
    overview.devices.push_back(name);
    if (found.rival != nullptr) {
      scan.problems.push_back(absl::StrCat(found.file->path, ": ", name,
                                           " is also in ", found.rival->path));
    }
  }
  overview.problems = std::move(scan.problems);
  return overview;
}

absl::StatusOr<Edits> Registry::Resolve(
    const std::vector<std::string>& names) const {
  Edits result;
  if (names.empty()) return result;
  const std::vector<std::string> directories = Directories();
  const Scan scan = ScanAll(directories);
  for (const std::string& problem : scan.problems) {
    runtime::log::Warning("CDI: ", problem);
  }
  std::set<const File*> seen;
  for (const std::string& name : names) {
    auto it = scan.devices.find(name);
    if (it == scan.devices.end()) {
      std::string text =
          absl::StrCat("CDI device ", name, ": no file in ",
                       absl::StrJoin(directories, " or "), " describes it");
      if (!scan.problems.empty()) {
        absl::StrAppend(&text,
                        "; left out: ", absl::StrJoin(scan.problems, "; "));
      }
      return absl::NotFoundError(text);
    }
    const Found& found = it->second;
    if (found.rival != nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("CDI device ", name, ": both ", found.file->path,
                       " and ", found.rival->path, " describe it"));
    }
    const Edits& own =
        found.file->spec.devices.at(name.substr(name.find('=') + 1));
    Edits edits;
    if (seen.insert(found.file.get()).second) {
      edits.Append(found.file->spec.edits);
    }
    edits.Append(own);
    if (!edits.unsupported.empty()) {
      return absl::UnimplementedError(absl::StrCat(
          "CDI device ", name, ": ", found.file->path, ": containerEdits.",
          edits.unsupported, " is not supported"));
    }
    result.Append(edits);
  }
  return result;
}

}  // namespace cri::cdi
