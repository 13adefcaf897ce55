// SPDX-License-Identifier: Apache-2.0
// The answers of List… and Stream… as gRPC sends them, written item by item: a
// list of all pods never lies in memory as messages. The allocator would have
// to gather their hundred thousands of parts again, while other calls wait.
#ifndef CORACLE_CRI_SERVER_LIST_WRITER_H_
#define CORACLE_CRI_SERVER_LIST_WRITER_H_

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <vector>

namespace cri::server {

class ListWriter {
 public:
  // `field` is the number of the answer's list of items. A message has at most
  // `most_bytes`, but at least one item.
  ListWriter(int field, size_t most_bytes);

  void Add(const google::protobuf::MessageLite& item);
  // None for no items. Once, as the last.
  std::vector<grpc::ByteBuffer> Messages();

 private:
  void EndMessage();

  const int field_;
  const size_t most_bytes_;
  std::vector<grpc::Slice> items_;  // of the message that is being written
  size_t bytes_ = 0;                // of those
  std::vector<grpc::ByteBuffer> messages_;
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_LIST_WRITER_H_
