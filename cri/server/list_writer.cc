// SPDX-License-Identifier: Apache-2.0
#include "cri/server/list_writer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>
#include <string>
#include <utility>

namespace cri::server {

using google::protobuf::internal::WireFormatLite;

ListWriter::ListWriter(int field, size_t most_bytes)
    : field_(field), most_bytes_(most_bytes) {}

void ListWriter::Add(const google::protobuf::MessageLite& item) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.WriteTag(WireFormatLite::MakeTag(
        field_, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    out.WriteVarint32(static_cast<uint32_t>(item.ByteSizeLong()));
    item.SerializeWithCachedSizes(&out);
  }
  if (!items_.empty() && bytes_ + bytes.size() > most_bytes_) EndMessage();
  bytes_ += bytes.size();
  items_.emplace_back(bytes);
}

void ListWriter::EndMessage() {
  messages_.emplace_back(items_.data(), items_.size());
  items_.clear();
  bytes_ = 0;
}

std::vector<grpc::ByteBuffer> ListWriter::Messages() {
  if (!items_.empty()) EndMessage();
  return std::move(messages_);
}

}  // namespace cri::server
