// SPDX-License-Identifier: Apache-2.0
#include "cri/image/inflate.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

constexpr size_t kOutputBytes = 256 << 10;
constexpr uint64_t kBombRatio = 200;
// Window of a zstd frame: 128 MiB is what `zstd --long` makes at most.
constexpr int kZstdWindowLog = 27;

}  // namespace

class Inflater::Codec {
 public:
  virtual ~Codec() = default;
  // Consumes from the front of `*in`, writes at most `size` bytes to `out` and
  // returns how many. Zero with `*in` empty means: more input, please.
  virtual absl::StatusOr<size_t> Step(absl::string_view* in, char* out,
                                      size_t size) = 0;
  // True where the input may end.
  virtual bool AtBoundary() const = 0;
};

namespace {

// One or more gzip members, as gzip -c a b, pigz and eStargz write them.
class GzipCodec : public Inflater::Codec {
 public:
  GzipCodec() { Reset(); }

  absl::StatusOr<size_t> Step(absl::string_view* in, char* out,
                              size_t size) override {
    if (state_->block_state == ISAL_BLOCK_FINISH) Reset();
    state_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(in->data()));
    state_->avail_in = static_cast<uint32_t>(in->size());
    state_->next_out = reinterpret_cast<uint8_t*>(out);
    state_->avail_out = static_cast<uint32_t>(size);
    fresh_ = false;
    int result = isal_inflate(state_.get());
    if (result < 0) {
      return absl::DataLossError(absl::StrCat(
          "broken gzip data (",
          result == ISAL_INCORRECT_CHECKSUM ? "wrong checksum" : "malformed",
          ")"));
    }
    in->remove_prefix(in->size() - state_->avail_in);
    return size - state_->avail_out;
  }
  bool AtBoundary() const override {
    return fresh_ || state_->block_state == ISAL_BLOCK_FINISH;
  }

 private:
  void Reset() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
    fresh_ = true;
  }

  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
  bool fresh_ = true;
};

class ZstdCodec : public Inflater::Codec {
 public:
  ZstdCodec() : context_(ZSTD_createDCtx()) {
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kZstdWindowLog);
  }
  ~ZstdCodec() override { ZSTD_freeDCtx(context_); }

  absl::StatusOr<size_t> Step(absl::string_view* in, char* out,
                              size_t size) override {
    ZSTD_inBuffer input{in->data(), in->size(), 0};
    ZSTD_outBuffer output{out, size, 0};
    hint_ = ZSTD_decompressStream(context_, &output, &input);
    if (ZSTD_isError(hint_)) {
      return absl::DataLossError(
          absl::StrCat("broken zstd data (", ZSTD_getErrorName(hint_), ")"));
    }
    in->remove_prefix(input.pos);
    return output.pos;
  }
  bool AtBoundary() const override { return hint_ == 0; }

 private:
  ZSTD_DCtx* const context_;
  size_t hint_ = 1;
};

}  // namespace

Inflater::Inflater(ByteSource source, uint64_t bomb_bytes)
    : source_(std::move(source)), bomb_bytes_(bomb_bytes) {}
Inflater::~Inflater() = default;

absl::Status Inflater::Refill() {
  ASSIGN_OR_RETURN(input_, source_());
  bytes_in_ += input_.size();
  if (input_.empty()) input_ended_ = true;
  return absl::OkStatus();
}

absl::Status Inflater::Start() {
  started_ = true;
  // The first piece may be shorter than a magic number.
  while (head_.size() < 4 && !input_ended_) {
    RETURN_IF_ERROR(Refill());
    head_.append(input_.data(), input_.size());
  }
  input_ = head_;
  if (absl::StartsWith(input_, "\x1f\x8b")) {
    codec_ = std::make_unique<GzipCodec>();
  } else if (absl::StartsWith(input_, "\x28\xb5\x2f\xfd")) {
    codec_ = std::make_unique<ZstdCodec>();
  }
  if (codec_ != nullptr) output_ = std::make_unique<char[]>(kOutputBytes);
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> Inflater::Read() {
  if (!started_) RETURN_IF_ERROR(Start());
  while (!done_) {
    if (input_.empty() && !input_ended_) RETURN_IF_ERROR(Refill());
    if (codec_ == nullptr) {
      absl::string_view piece = std::exchange(input_, absl::string_view());
      bytes_out_ += piece.size();
      if (piece.empty()) done_ = true;
      return piece;
    }
    if (input_.empty() && input_ended_ && codec_->AtBoundary()) {
      done_ = true;
      break;
    }
    ASSIGN_OR_RETURN(size_t size,
                     codec_->Step(&input_, output_.get(), kOutputBytes));
    if (size == 0 && input_.empty() && input_ended_ && !codec_->AtBoundary()) {
      return absl::DataLossError("the compressed data ends too early");
    }
    if (size == 0) continue;
    bytes_out_ += size;
    if (bytes_out_ > bomb_bytes_ && bytes_out_ / kBombRatio > bytes_in_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "it inflates to more than ", kBombRatio, " times its size"));
    }
    return absl::string_view(output_.get(), size);
  }
  return absl::string_view();
}

}  // namespace cri::image
