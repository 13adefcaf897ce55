// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/backlog.h"

namespace cri::stream {
namespace {

// Small pieces share a chunk up to this size.
constexpr size_t kChunk = 64 << 10;

}  // namespace

void Backlog::Append(absl::string_view data) {
  if (data.empty()) return;
  size_ += data.size();
  if (chunks_.empty() || chunks_.back().size() + data.size() > kChunk) {
    chunks_.emplace_back();
  }
  chunks_.back().append(data.data(), data.size());
}

absl::string_view Backlog::Front() const {
  if (chunks_.empty()) return {};
  return absl::string_view(chunks_.front()).substr(gone_);
}

void Backlog::RemovePrefix(size_t size) {
  size_ -= size;
  gone_ += size;
  if (chunks_.empty() || gone_ < chunks_.front().size()) return;
  gone_ = 0;
  if (size_ == 0) return Clear();
  chunks_.pop_front();
}

void Backlog::Clear() {
  std::deque<std::string>().swap(chunks_);  // a burst's memory is given back
  gone_ = size_ = 0;
}

}  // namespace cri::stream
