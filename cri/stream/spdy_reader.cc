// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/spdy_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace cri::stream {
namespace {

// Moves bytes from the front of `from` to `to` until that has `size`.
bool Gather(absl::string_view& from, std::string& to, size_t size) {
  const size_t n = std::min(from.size(), size - to.size());
  to.append(from.data(), n);
  from.remove_prefix(n);
  return to.size() == size;
}

absl::Status TooShort(FrameType type) {
  return absl::InvalidArgumentError(absl::StrCat(
      "SPDY frame of type ", static_cast<int>(type), " is too short"));
}

}  // namespace

absl::Status SpdyReader::Feed(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (!in_frame_) {
      if (!Gather(bytes, gathered_, kFrameHeaderBytes)) break;
      RETURN_IF_ERROR(OnFrameHeader());
      gathered_.clear();
    } else if (!control_) {
      FeedData(bytes);
    } else {
      if (!Gather(bytes, gathered_, left_)) break;
      in_frame_ = false;
      RETURN_IF_ERROR(OnControl(std::exchange(gathered_, "")));
    }
  }
  return absl::OkStatus();
}

absl::Status SpdyReader::OnFrameHeader() {
  const absl::string_view header = gathered_;
  control_ = (header[0] & 0x80) != 0;
  flags_ = static_cast<uint8_t>(header[4]);
  left_ = ReadBig(header.substr(5), 3);
  in_frame_ = true;
  if (!control_) {
    stream_ = ReadBig(header, 4);
    if (left_ == 0) EndData();
    return absl::OkStatus();
  }
  if ((ReadBig(header, 2) & 0x7fff) != kSpdyVersion) {
    return absl::InvalidArgumentError("not a frame of SPDY/3.1");
  }
  type_ = static_cast<uint16_t>(ReadBig(header.substr(2), 2));
  if (left_ > kMaxControl) {
    return absl::ResourceExhaustedError(
        absl::StrCat("SPDY control frame of ", left_, " bytes"));
  }
  if (left_ > 0) return absl::OkStatus();
  in_frame_ = false;
  return OnControl("");
}

void SpdyReader::FeedData(absl::string_view& bytes) {
  const absl::string_view piece = bytes.substr(0, left_);
  bytes.remove_prefix(piece.size());
  left_ -= piece.size();
  sink_->OnData(stream_, piece);
  if (left_ == 0) EndData();
}

void SpdyReader::EndData() {
  in_frame_ = false;
  if ((flags_ & kFlagFin) != 0) sink_->OnFin(stream_);
}

absl::Status SpdyReader::OnControl(absl::string_view payload) {
  const auto type = static_cast<FrameType>(type_);
  switch (type) {
    case FrameType::kSynStream:
      return OnHeaderFrame(payload, 10);
    case FrameType::kSynReply:
    case FrameType::kHeaders:
      return OnHeaderFrame(payload, 4);
    case FrameType::kRstStream:
      if (payload.size() < 8) return TooShort(type);
      sink_->OnRstStream(ReadBig(payload, 4) & kMaxStreamId);
      return absl::OkStatus();
    case FrameType::kPing:
      if (payload.size() < 4) return TooShort(type);
      sink_->OnPing(ReadBig(payload, 4));
      return absl::OkStatus();
    case FrameType::kGoaway:
      sink_->OnGoaway();
      return absl::OkStatus();
    case FrameType::kSettings:
    case FrameType::kWindowUpdate:
      break;  // the peers of this protocol know no windows
  }
  return absl::OkStatus();
}

// The block has to be read whatever the frame is: compression goes on from
// block to block.
absl::Status SpdyReader::OnHeaderFrame(absl::string_view payload,
                                       size_t skipped) {
  const auto type = static_cast<FrameType>(type_);
  if (payload.size() < skipped) return TooShort(type);
  const uint32_t stream = ReadBig(payload, 4) & kMaxStreamId;
  ASSIGN_OR_RETURN(Headers headers, headers_.Read(payload.substr(skipped)));
  const bool fin = (flags_ & kFlagFin) != 0;
  if (type == FrameType::kSynStream) {
    sink_->OnSynStream(stream, fin, std::move(headers));
  } else if (fin) {
    sink_->OnFin(stream);
  }
  return absl::OkStatus();
}

}  // namespace cri::stream
