// SPDX-License-Identifier: Apache-2.0
#include "runtime/state/codec.h"

namespace runtime::state {

void Writer::Append(uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    data_ += static_cast<char>(value >> (8 * i) & 0xff);
  }
}

void Writer::Str(absl::string_view value) {
  U32(static_cast<uint32_t>(value.size()));
  data_.append(value.data(), value.size());
}

void Reader::Fail() {
  ok_ = false;
  data_ = absl::string_view();
}

uint64_t Reader::Take(size_t bytes) {
  if (data_.size() < bytes) {
    Fail();
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(data_[i]))
             << (8 * i);
  }
  data_.remove_prefix(bytes);
  return value;
}

std::string Reader::Str() {
  uint32_t size = U32();
  if (data_.size() < size) {
    Fail();
    return std::string();
  }
  std::string value(data_.substr(0, size));
  data_.remove_prefix(size);
  return value;
}

uint32_t Reader::Count(uint32_t min_bytes) {
  uint32_t count = U32();
  if (count > data_.size() / min_bytes) {
    Fail();
    return 0;
  }
  return count;
}

}  // namespace runtime::state
