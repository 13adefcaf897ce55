// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/channel_codec.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace cri::stream {
namespace {

constexpr uint8_t kCloseChannel = 255;

}  // namespace

absl::Status ChannelReader::Feed(absl::string_view piece, bool end) {
  if (!channel_ && !piece.empty()) {
    channel_ = static_cast<uint8_t>(piece[0]);
    piece.remove_prefix(1);
    if (format_.base64) {
      if (*channel_ < '0' || *channel_ > '9') {
        return absl::InvalidArgumentError("channel is not a digit");
      }
      *channel_ = static_cast<uint8_t>(*channel_ - '0');
    }
  }
  // An empty message names no channel; it says nothing.
  const absl::Status status =
      channel_ ? OnPayload(piece, end) : absl::OkStatus();
  if (end) channel_.reset();
  return status;
}

absl::Status ChannelReader::OnPayload(absl::string_view piece, bool end) {
  if (format_.half_close && *channel_ == kCloseChannel) {
    for (const char c : piece) sink_->OnChannelEnd(static_cast<uint8_t>(c));
    return absl::OkStatus();
  }
  if (format_.base64) return OnBase64(piece, end);
  if (!piece.empty()) sink_->OnChannelData(*channel_, piece);
  return absl::OkStatus();
}

// Whole groups of four characters are decoded; the last message piece may be
// without padding.
absl::Status ChannelReader::OnBase64(absl::string_view piece, bool end) {
  // Line breaks count for nothing, so they must not count for a group either.
  for (const char c : piece) {
    if (!absl::ascii_isspace(static_cast<unsigned char>(c))) quad_.push_back(c);
  }
  const size_t usable = end ? quad_.size() : quad_.size() / 4 * 4;
  std::string data;
  if (!absl::Base64Unescape(absl::string_view(quad_).substr(0, usable),
                            &data)) {
    return absl::InvalidArgumentError("channel data is not base64");
  }
  quad_.erase(0, usable);
  if (!data.empty()) sink_->OnChannelData(*channel_, data);
  return absl::OkStatus();
}

size_t MaxChannels(ChannelFormat format) { return format.base64 ? 10 : 256; }

char ChannelByte(ChannelFormat format, uint32_t channel) {
  return static_cast<char>(format.base64 ? '0' + channel : channel);
}

std::string Base64Message(uint32_t channel, absl::string_view data) {
  return absl::StrCat(std::string(1, ChannelByte({.base64 = true}, channel)),
                      absl::Base64Escape(data));
}

}  // namespace cri::stream
