// SPDX-License-Identifier: Apache-2.0
// Streaming decompression of a layer: gzip by ISA-L, zstd, or plain, told apart
// by the first bytes. Pull style: the reader asks, the source is asked.
#ifndef CORACLE_CRI_IMAGE_INFLATE_H_
#define CORACLE_CRI_IMAGE_INFLATE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cri::image {

// The next piece of input; empty at its end. Valid until the next call.
using ByteSource = std::function<absl::StatusOr<absl::string_view>()>;

// Not thread safe. An output of more than `bomb_bytes` that is also more than
// 200 times the input is refused as a decompression bomb.
class Inflater {
 public:
  explicit Inflater(ByteSource source, uint64_t bomb_bytes = uint64_t{1} << 30);
  ~Inflater();

  // The next piece of output; empty at the end, after the whole input was
  // consumed and the format's own checksum was right. Valid until the next
  // call. DATA_LOSS for broken input.
  absl::StatusOr<absl::string_view> Read();

  uint64_t bytes_in() const { return bytes_in_; }
  uint64_t bytes_out() const { return bytes_out_; }

  class Codec;  // one format; see inflate.cc

 private:
  absl::Status Start();
  absl::Status Refill();

  ByteSource source_;
  const uint64_t bomb_bytes_;
  std::string head_;
  absl::string_view input_;
  bool input_ended_ = false;
  bool started_ = false;
  bool done_ = false;
  std::unique_ptr<Codec> codec_;  // null: plain
  std::unique_ptr<char[]> output_;
  uint64_t bytes_in_ = 0, bytes_out_ = 0;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_INFLATE_H_
