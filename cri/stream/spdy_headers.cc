// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/spdy_headers.h"

#include <zlib.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cri/stream/spdy_dictionary.h"
#include "cri/stream/spdy_frame.h"
#include "runtime/base/status.h"

namespace cri::stream {
namespace {

// Our blocks are nearly empty: the smallest window that the dictionary's use
// leaves, and the smallest hash.
constexpr int kWindowBits = 11;
constexpr int kMemoryLevel = 1;

Bytef* Bytes(const char* data) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(data));
}

const Bytef* DictionaryBytes() { return Bytes(SpdyDictionary().data()); }
uInt DictionarySize() { return static_cast<uInt>(SpdyDictionary().size()); }

// Takes a length and that many bytes off the front.
absl::StatusOr<absl::string_view> TakeField(absl::string_view& rest) {
  if (rest.size() < 4) {
    return absl::InvalidArgumentError("SPDY header block is cut off");
  }
  const uint32_t size = ReadBig(rest, 4);
  rest.remove_prefix(4);
  if (size > rest.size()) {
    return absl::InvalidArgumentError("SPDY header block is cut off");
  }
  const absl::string_view field = rest.substr(0, size);
  rest.remove_prefix(size);
  return field;
}

}  // namespace

absl::string_view FindHeader(const Headers& headers, absl::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) {
      return absl::string_view(value).substr(0, value.find('\0'));
    }
  }
  return "";
}

HeaderReader::HeaderReader() = default;
HeaderReader::~HeaderReader() {
  if (zlib_ != nullptr) inflateEnd(zlib_.get());
}

absl::StatusOr<std::string> HeaderReader::Inflate(absl::string_view block) {
  if (zlib_ == nullptr) {
    auto zlib = std::make_unique<z_stream>();
    *zlib = {};
    if (inflateInit(zlib.get()) != Z_OK) {
      return absl::ResourceExhaustedError("no memory to decompress headers");
    }
    zlib_ = std::move(zlib);
  }
  std::string text(kMaxBytes + 1, '\0');
  zlib_->next_in = Bytes(block.data());
  zlib_->avail_in = static_cast<uInt>(block.size());
  zlib_->next_out = Bytes(text.data());
  zlib_->avail_out = static_cast<uInt>(text.size());
  int result = inflate(zlib_.get(), Z_SYNC_FLUSH);
  if (result == Z_NEED_DICT &&
      inflateSetDictionary(zlib_.get(), DictionaryBytes(), DictionarySize()) ==
          Z_OK) {
    result = inflate(zlib_.get(), Z_SYNC_FLUSH);
  }
  // Z_BUF_ERROR says that there was nothing to do: an empty block.
  if (result != Z_OK && result != Z_BUF_ERROR) {
    return absl::InvalidArgumentError("SPDY header block is no zlib data");
  }
  if (zlib_->avail_out == 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("SPDY header block of more than ", kMaxBytes, " bytes"));
  }
  text.erase(text.size() - zlib_->avail_out);
  return text;
}

absl::StatusOr<Headers> HeaderReader::Read(absl::string_view block) {
  ASSIGN_OR_RETURN(const std::string text, Inflate(block));
  absl::string_view rest = text;
  if (rest.size() < 4) {
    return absl::InvalidArgumentError("SPDY header block is cut off");
  }
  const uint32_t count = ReadBig(rest, 4);
  rest.remove_prefix(4);
  if (count > kMaxHeaders) {
    return absl::ResourceExhaustedError(
        absl::StrCat("SPDY header block with ", count, " headers"));
  }
  Headers headers;
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const absl::string_view name, TakeField(rest));
    ASSIGN_OR_RETURN(const absl::string_view value, TakeField(rest));
    headers.emplace_back(absl::AsciiStrToLower(name), std::string(value));
  }
  return headers;
}

HeaderWriter::HeaderWriter() = default;
HeaderWriter::~HeaderWriter() {
  if (zlib_ != nullptr) deflateEnd(zlib_.get());
}

std::string HeaderWriter::Write(const Headers& headers) {
  if (zlib_ == nullptr) {
    zlib_ = std::make_unique<z_stream>();
    *zlib_ = {};
    deflateInit2(zlib_.get(), Z_BEST_SPEED, Z_DEFLATED, kWindowBits,
                 kMemoryLevel, Z_DEFAULT_STRATEGY);
    deflateSetDictionary(zlib_.get(), DictionaryBytes(), DictionarySize());
  }
  std::string text;
  AppendBig(text, headers.size(), 4);
  for (const auto& [name, value] : headers) {
    for (const std::string* field : {&name, &value}) {
      AppendBig(text, field->size(), 4);
      text += *field;
    }
  }
  std::string block(deflateBound(zlib_.get(), text.size()) + 16, '\0');
  zlib_->next_in = Bytes(text.data());
  zlib_->avail_in = static_cast<uInt>(text.size());
  zlib_->next_out = Bytes(block.data());
  zlib_->avail_out = static_cast<uInt>(block.size());
  deflate(zlib_.get(), Z_SYNC_FLUSH);
  block.erase(block.size() - zlib_->avail_out);
  return block;
}

}  // namespace cri::stream
