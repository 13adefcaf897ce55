// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/record_file.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::sandbox {
namespace {

constexpr char kSuffix[] = ".json";
constexpr char kAside[] = ".unreadable";
constexpr absl::Duration kKeepAside = absl::Hours(7 * 24);

std::string Header(absl::string_view body) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(body.data()), body.size(),
         digest);
  absl::string_view bytes(reinterpret_cast<const char*>(digest), sizeof digest);
  return absl::StrCat("coracle-record ", kRecordVersion,
                      " sha256:", absl::BytesToHexString(bytes), "\n");
}

void SetAside(const std::string& path, const absl::Status& reason) {
  std::string aside = absl::StrCat(path, kAside);
  if (rename(path.c_str(), aside.c_str()) != 0) {
    runtime::log::Error(runtime::ErrnoStatus("rename " + path).message());
  }
  // Its age counts from now. If that fails, it goes the sooner.
  utimensat(AT_FDCWD, aside.c_str(), nullptr, 0);
  runtime::log::Warning("record set aside as ", aside, ": ", reason.message());
}

void RemoveIfOld(const std::string& aside) {
  struct stat info {};
  if (stat(aside.c_str(), &info) != 0 ||
      absl::Now() - absl::TimeFromTimespec(info.st_mtim) < kKeepAside) {
    return;
  }
  const absl::Status removed = runtime::RemoveFile(aside);
  if (!removed.ok()) runtime::log::Warning(removed.message());
}

// The record, or its last version where the power was lost before it was on
// disk.
absl::StatusOr<runtime::Json> ReadEither(const std::string& path,
                                         const std::string& spare) {
  absl::StatusOr<runtime::Json> body = ReadRecord(path);
  if (!absl::IsDataLoss(body.status())) return body;
  absl::StatusOr<runtime::Json> last = ReadRecord(spare);
  if (!last.ok() || rename(spare.c_str(), path.c_str()) != 0) return body;
  runtime::log::Warning(body.status().message(),
                        "; the version before it counts");
  return last;
}

// What a write leaves behind that was cut short, or the last version of a
// record that is gone.
absl::Status SweepSpares(const std::string& directory,
                         const std::vector<std::string>& names) {
  for (absl::string_view name : names) {
    absl::string_view record = name;
    if (!absl::ConsumePrefix(&record, ".") ||
        !absl::ConsumeSuffix(&record, ".tmp") ||
        std::binary_search(names.begin(), names.end(), record)) {
      continue;
    }
    RETURN_IF_ERROR(runtime::RemoveFile(runtime::JoinPath(directory, name)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteRecord(const std::string& path, const runtime::Json& body,
                         RecordCommits* commits) {
  std::string text = runtime::DumpJson(body);
  RETURN_IF_ERROR(runtime::WriteFileAtomic(path, Header(text) + text, 0600,
                                           runtime::Durability::kExchange));
  if (commits != nullptr) commits->Written(path);
  return absl::OkStatus();
}

absl::Status RemoveRecord(const std::string& path) {
  return runtime::RemoveExchanged(path);
}

absl::StatusOr<runtime::Json> ReadRecord(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, runtime::ReadFile(path));
  size_t end = text.find('\n');
  if (end == std::string::npos) {
    return absl::DataLossError(absl::StrCat(path, ": no header line"));
  }
  absl::string_view body = absl::string_view(text).substr(end + 1);
  if (absl::string_view(text).substr(0, end + 1) != Header(body)) {
    return absl::DataLossError(
        absl::StrCat(path, ": version or checksum does not match"));
  }
  return runtime::ParseJson(body, path);
}

absl::Status LoadRecords(
    const std::string& directory,
    const std::function<absl::Status(const std::string& id,
                                     const runtime::Json& body)>& load) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, runtime::ListDir(directory));
  RETURN_IF_ERROR(SweepSpares(directory, names));
  for (const std::string& name : names) {
    if (absl::EndsWith(name, kAside)) {
      RemoveIfOld(runtime::JoinPath(directory, name));
      continue;
    }
    absl::string_view id = name;
    if (absl::StartsWith(id, ".") || !absl::ConsumeSuffix(&id, kSuffix)) {
      continue;
    }
    std::string path = runtime::JoinPath(directory, name);
    absl::StatusOr<runtime::Json> body = ReadEither(
        path, runtime::JoinPath(directory, absl::StrCat(".", name, ".tmp")));
    absl::Status status =
        body.ok() ? load(std::string(id), *body) : body.status();
    if (!status.ok()) SetAside(path, status);
  }
  return absl::OkStatus();
}

}  // namespace cri::sandbox
