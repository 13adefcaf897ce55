// SPDX-License-Identifier: Apache-2.0
// Bounded binary encoding for records and wire messages: little endian
// integers, strings with a 32-bit length. Decoding never reads past the end and
// never allocates more than the input holds.
#ifndef CORACLE_RUNTIME_STATE_CODEC_H_
#define CORACLE_RUNTIME_STATE_CODEC_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace runtime::state {

// Appends to a string that it owns. Not thread safe.
class Writer {
 public:
  void U32(uint32_t value) { Append(value, 4); }
  void U64(uint64_t value) { Append(value, 8); }
  void I64(int64_t value) { Append(static_cast<uint64_t>(value), 8); }
  void Str(absl::string_view value);

  const std::string& data() const { return data_; }
  std::string Take() { return std::move(data_); }

 private:
  void Append(uint64_t value, int bytes);
  std::string data_;
};

// Reads what Writer wrote. After a read past the end every value is zero or
// empty and ok() is false: check once, after the last field. Fields that a
// newer version added at the end are read only if !AtEnd().
class Reader {
 public:
  explicit Reader(absl::string_view data) : data_(data) {}

  uint32_t U32() { return static_cast<uint32_t>(Take(4)); }
  uint64_t U64() { return Take(8); }
  int64_t I64() { return static_cast<int64_t>(Take(8)); }
  std::string Str();
  // A count of elements of at least `min_bytes` each; more than what is left
  // can hold is an error.
  uint32_t Count(uint32_t min_bytes);

  bool AtEnd() const { return data_.empty(); }
  bool ok() const { return ok_; }

 private:
  uint64_t Take(size_t bytes);
  void Fail();

  absl::string_view data_;
  bool ok_ = true;
};

}  // namespace runtime::state

#endif  // CORACLE_RUNTIME_STATE_CODEC_H_
