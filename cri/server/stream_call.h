// SPDX-License-Identifier: Apache-2.0
// The reactor of all list streams: a function of rpc.h makes the messages, in
// a thread of the executor, and they are written one after another.
#ifndef CORACLE_CRI_SERVER_STREAM_CALL_H_
#define CORACLE_CRI_SERVER_STREAM_CALL_H_

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/server/call.h"

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

// Owns itself: gRPC calls OnDone last. gRPC allows one write at a time, so the
// next is started when the last is done; the functions below never run at once.
template <typename Request, typename Response>
class StreamCall : public grpc::ServerWriteReactor<Response> {
 public:
  using Function = absl::StatusOr<std::vector<Response>> (*)(Context&,
                                                             const Request&);

  StreamCall(Engine& engine, const char* method,
             const grpc::CallbackServerContext& context, const Request* request,
             Function function)
      : context_{engine, method, NextRequestId(), DeadlineOf(context),
                 &cancelled_} {
    engine.executor->Post([this, request, function] {
      const absl::Time begin = absl::Now();
      absl::StatusOr<std::vector<Response>> batches =
          function(context_, *request);
      LogCall(context_, batches.status(), absl::Now() - begin);
      if (batches.ok()) batches_ = *std::move(batches);
      WriteNext(ToGrpcStatus(batches.status()));
    });
  }

  void OnWriteDone(bool ok) override {
    WriteNext(
        ok ? grpc::Status::OK
           : grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone"));
  }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  // Whichever it calls is the last use of this object.
  void WriteNext(const grpc::Status& status) {
    if (!status.ok() || next_ == batches_.size()) {
      this->Finish(status);
    } else {
      this->StartWrite(&batches_[next_++]);
    }
  }

  std::atomic<bool> cancelled_{false};
  Context context_;
  std::vector<Response> batches_;
  size_t next_ = 0;
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_STREAM_CALL_H_
