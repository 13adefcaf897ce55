// SPDX-License-Identifier: Apache-2.0
#include "runtime/state/record.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/state/codec.h"

namespace runtime::state {
namespace {

constexpr uint32_t kMagic = 0x43525243;  // "CRRC" on disk
constexpr size_t kHeaderBytes = 20;

// CRC-32C a byte at a time; constant data, so no private memory of a holder.
constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    }
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = MakeTable();

int WriteWhole(int fd, absl::string_view data) {
  while (!data.empty()) {
    ssize_t n = write(fd, data.data(), data.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    data.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

}  // namespace

uint32_t Checksum(absl::string_view data) {
  uint32_t crc = ~0u;
  for (char c : data) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return ~crc;
}

std::string FrameRecord(uint32_t kind, absl::string_view body) {
  Writer writer;
  writer.U32(kMagic);
  writer.U32(kRecordVersion);
  writer.U32(kind);
  writer.U32(static_cast<uint32_t>(body.size()));
  writer.U32(Checksum(body));
  std::string data = writer.Take();
  data.append(body.data(), body.size());
  return data;
}

absl::StatusOr<std::string> UnframeRecord(uint32_t kind,
                                          absl::string_view data) {
  if (data.size() < kHeaderBytes) return absl::DataLossError("cut short");
  Reader reader(data.substr(0, kHeaderBytes));
  if (reader.U32() != kMagic) return absl::DataLossError("not a record");
  uint32_t version = reader.U32();
  if (version != kRecordVersion) {
    return absl::DataLossError(absl::StrCat("unknown version ", version));
  }
  uint32_t found_kind = reader.U32();
  if (found_kind != kind) {
    return absl::DataLossError(
        absl::StrCat("a record of kind ", found_kind, ", not ", kind));
  }
  uint32_t size = reader.U32();
  uint32_t checksum = reader.U32();
  data.remove_prefix(kHeaderBytes);
  if (data.size() != size) return absl::DataLossError("cut short");
  if (Checksum(data) != checksum) {
    return absl::DataLossError("checksum does not match");
  }
  return std::string(data);
}

int WriteRecord(int dir_fd, const char* name, uint32_t kind,
                absl::string_view body) {
  std::string temporary = absl::StrCat(".", name, ".tmp");
  UniqueFd fd(openat(dir_fd, temporary.c_str(),
                     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                     0600));
  if (!fd.ok()) return errno;
  int error = WriteWhole(fd.get(), FrameRecord(kind, body));
  if (error == 0 && renameat(dir_fd, temporary.c_str(), dir_fd, name) != 0) {
    error = errno;
  }
  if (error != 0) unlinkat(dir_fd, temporary.c_str(), 0);
  return error;
}

absl::StatusOr<std::string> ReadRecord(const std::string& path, uint32_t kind) {
  ASSIGN_OR_RETURN(std::string data, ReadFile(path, kMaxRecordBytes));
  absl::StatusOr<std::string> body = UnframeRecord(kind, data);
  if (body.ok()) return body;
  std::string aside = absl::StrCat(path, kAside);
  if (rename(path.c_str(), aside.c_str()) != 0) {
    return ErrnoStatus(
        absl::StrCat("set ", path, " aside (", body.status().message(), ")"));
  }
  return absl::DataLossError(absl::StrCat("record ", path, ": ",
                                          body.status().message(),
                                          "; set aside as ", aside));
}

}  // namespace runtime::state
