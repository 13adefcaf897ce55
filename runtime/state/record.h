// SPDX-License-Identifier: Apache-2.0
// A record: one small file, replaced as a whole by rename, with kind, version
// and checksum. See README.md of runtime/ for the byte layout.
//
// WriteRecord is also used by the holder and therefore allocates nothing but
// paths and returns an errno.
#ifndef CORACLE_RUNTIME_STATE_RECORD_H_
#define CORACLE_RUNTIME_STATE_RECORD_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::state {

inline constexpr uint32_t kRecordVersion = 1;
inline constexpr size_t kMaxRecordBytes = 16 << 20;

// Header and body as they stand in the file.
std::string FrameRecord(uint32_t kind, absl::string_view body);

// The body of a framed record, or DATA_LOSS saying what is wrong with it.
absl::StatusOr<std::string> UnframeRecord(uint32_t kind,
                                          absl::string_view data);

// Writes `name` in the directory `dir_fd` through ".<name>.tmp" and rename.
// Returns 0 or an errno; on an error the old record stays.
int WriteRecord(int dir_fd, const char* name, uint32_t kind,
                absl::string_view body);

// What ReadRecord appends to the name of a file that is no record.
inline constexpr char kAside[] = ".corrupt";

// Reads the record `path`. NOT_FOUND if missing. A torn or foreign one is set
// aside (kAside) and gives DATA_LOSS.
absl::StatusOr<std::string> ReadRecord(const std::string& path, uint32_t kind);

// CRC-32C (Castagnoli) of `data`.
uint32_t Checksum(absl::string_view data);

}  // namespace runtime::state

#endif  // CORACLE_RUNTIME_STATE_RECORD_H_
