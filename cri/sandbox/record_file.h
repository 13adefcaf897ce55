// SPDX-License-Identifier: Apache-2.0
// Record files: how sandboxes and containers survive the daemon. One header
// line, "coracle-record 1 sha256:<hex of the rest>", then one JSON document.
// Thread safe as long as no two writers share a path.
#ifndef CORACLE_CRI_SANDBOX_RECORD_FILE_H_
#define CORACLE_CRI_SANDBOX_RECORD_FILE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/sandbox/record_commits.h"
#include "runtime/base/json.h"

namespace cri::sandbox {

inline constexpr int kRecordVersion = 1;

// Replaces the record as a whole; the fsync is left to `commits`, or to the
// kernel. The last version stays beside it as ".<id>.json.tmp": a filesystem
// takes its time to make files after many were freed.
absl::Status WriteRecord(const std::string& path, const runtime::Json& body,
                         RecordCommits* commits = nullptr);
// Missing is OK.
absl::Status RemoveRecord(const std::string& path);

// DATA_LOSS if the header, version or checksum is not what it should be.
absl::StatusOr<runtime::Json> ReadRecord(const std::string& path);

// Calls `load` with each "<id>.json" of `directory`. A record that cannot be
// read, or that `load` refuses, is renamed to "<id>.json.unreadable" and
// reported once in the log; it is never fatal. A week later it is removed.
absl::Status LoadRecords(
    const std::string& directory,
    const std::function<absl::Status(const std::string& id,
                                     const runtime::Json& body)>& load);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_RECORD_FILE_H_
