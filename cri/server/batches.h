// SPDX-License-Identifier: Apache-2.0
// Cuts lists into the messages of a stream.
#ifndef CORACLE_CRI_SERVER_BATCHES_H_
#define CORACLE_CRI_SERVER_BATCHES_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <cstddef>
#include <utility>
#include <vector>

namespace cri::server {

// Clients take messages of 16 MiB; smaller ones let them work meanwhile.
inline constexpr size_t kBatchBytes = 4 << 20;

// Cuts `items` into messages of at most kBatchBytes each, but of at least one
// item: none for no items. `field` is the message's list of items.
template <typename Response, typename Item>
std::vector<Response> Batches(
    google::protobuf::RepeatedPtrField<Item> items,
    google::protobuf::RepeatedPtrField<Item>* (Response::*field)(),
    size_t batch_bytes = kBatchBytes) {
  std::vector<Response> batches;
  size_t bytes = 0;
  for (Item& item : items) {
    const size_t size = item.ByteSizeLong();
    if (batches.empty() || bytes + size > batch_bytes) {
      batches.emplace_back();
      bytes = 0;
    }
    bytes += size;
    *(batches.back().*field)()->Add() = std::move(item);
  }
  return batches;
}

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_BATCHES_H_
