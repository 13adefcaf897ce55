// SPDX-License-Identifier: Apache-2.0
#include "cri/server/list_writer.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <cstdint>
#include <string>

#include "gmock/gmock.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::server {
namespace {

namespace v1 = ::runtime::v1;
using ::testing::ElementsAre;

// Ten, of 102 bytes each, but for the fifth.
v1::StreamContainersResponse Ten() {
  v1::StreamContainersResponse all;
  for (int i = 0; i < 10; ++i) {
    all.add_containers()->mutable_id()->resize(i == 4 ? 1000 : 100,
                                               static_cast<char>('0' + i));
  }
  return all;
}

std::vector<v1::StreamContainersResponse> Written(
    const v1::StreamContainersResponse& all, size_t most_bytes) {
  ListWriter writer(v1::StreamContainersResponse::kContainersFieldNumber,
                    most_bytes);
  for (const v1::Container& container : all.containers()) {
    writer.Add(container);
  }
  std::vector<v1::StreamContainersResponse> read;
  for (grpc::ByteBuffer& message : writer.Messages()) {
    EXPECT_TRUE(
        grpc::SerializationTraits<google::protobuf::MessageLite>::Deserialize(
            &message, &read.emplace_back())
            .ok());
  }
  return read;
}

TEST(ListWriterTest, OneMessageIsTheWholeAnswer) {
  const v1::StreamContainersResponse all = Ten();
  const auto read = Written(all, SIZE_MAX);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].SerializeAsString(), all.SerializeAsString());
}

TEST(ListWriterTest, MessagesAreCutBySizeAndHoldEachItemOnce) {
  std::vector<int> sizes;
  v1::StreamContainersResponse together;
  for (const auto& message : Written(Ten(), 320)) {
    sizes.push_back(message.containers_size());
    together.MergeFrom(message);
  }
  EXPECT_EQ(together.SerializeAsString(), Ten().SerializeAsString());
  EXPECT_THAT(sizes, ElementsAre(3, 1, 1, 3, 2));
}

TEST(ListWriterTest, NoItemsAreNoMessage) {
  EXPECT_TRUE(Written({}, SIZE_MAX).empty());
}

}  // namespace
}  // namespace cri::server
