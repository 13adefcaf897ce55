// SPDX-License-Identifier: Apache-2.0
#include "cri/server/call.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cri/server/errors.h"
#include "runtime/base/log.h"

namespace cri::server {
namespace {

uint64_t NextRequestId() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

absl::Time DeadlineOf(const grpc::ServerContext& context) {
  // Without a deadline gRPC gives the end of time, which does not convert.
  std::chrono::system_clock::time_point deadline = context.deadline();
  auto left = deadline - std::chrono::system_clock::now();
  if (left > std::chrono::hours(24 * 365)) return absl::InfiniteFuture();
  return absl::FromChrono(deadline);
}

// One line for the call: errors as warnings, the rest for debugging only.
void LogCall(const Context& context, const absl::Status& status,
             absl::Duration took) {
  if (status.ok()) {
    runtime::log::Debug(context.method, " #", context.request_id, " done in ",
                        absl::FormatDuration(took));
    return;
  }
  if (absl::IsNotFound(status) || absl::IsUnimplemented(status)) {
    runtime::log::Debug(context.method, " #", context.request_id, ": ",
                        status.message());
    return;
  }
  runtime::log::Warning(context.method, " #", context.request_id,
                        " failed after ", absl::FormatDuration(took), ": ",
                        absl::StatusCodeToString(status.code()), ": ",
                        status.message());
}

}  // namespace

void Call::Accept(CallSite& site) {
  Call* call = new Call(site);
  call->rpc_.AsyncNotifyWhenDone(&call->over_);
  site.service.RequestCall(&call->rpc_, &call->stream_, site.queue.get(),
                           site.queue.get(), &call->accepted_);
}

Call::Call(CallSite& site) : site_(site) {
  absl::MutexLock lock(&site_.mutex);
  ++site_.calls;
}

Call::~Call() {
  absl::MutexLock lock(&site_.mutex);
  --site_.calls;
}

void Call::OnAccepted(bool ok) {
  if (!ok) {  // the server shuts down: nothing else will come
    delete this;
    return;
  }
  Accept(site_);
  method_ = FindMethod(rpc_.method());
  if (method_ == nullptr) {
    return Finish(absl::UnimplementedError(
        absl::StrCat("unknown method ", rpc_.method())));
  }
  stream_.Read(&request_, &read_);
}

void Call::OnRead(bool ok) {
  if (!ok) return Finish(absl::InternalError("no request came"));
  if (method_->run == nullptr) {
    events_ = std::make_unique<EventStream>(site_.engine.events, *this);
    return;
  }
  context_.emplace(Context{site_.engine, method_->name, NextRequestId(),
                           DeadlineOf(rpc_), cancellation_});
  auto answer = [this] { Answer(); };
  runtime::Executor& executor = *site_.engine.executor;
  if (method_->is_short) {
    executor.PostShort(answer);
  } else {
    executor.Post(answer);
  }
}

void Call::Answer() {
  const absl::Time begin = absl::Now();
  auto messages = method_->run(*context_, request_);
  LogCall(*context_, messages.status(), absl::Now() - begin);
  if (!messages.ok()) return Finish(messages.status());
  messages_ = *std::move(messages);
  WriteNext();
}

void Call::WriteNext() {
  if (next_ == messages_.size()) return Finish(absl::OkStatus());
  grpc::ByteBuffer& message = messages_[next_++];
  if (next_ < messages_.size()) return stream_.Write(message, &written_);
  stream_.WriteAndFinish(message, grpc::WriteOptions(), grpc::Status::OK,
                         &finished_);
}

void Call::OnWritten(bool ok) {
  if (events_ != nullptr) return events_->OnWritten(ok);
  if (!ok) return Finish(absl::CancelledError("the client is gone"));
  WriteNext();
}

void Call::OnFinished(bool) { DropOne(); }

void Call::OnOver(bool) {
  if (rpc_.IsCancelled()) {
    cancellation_.Cancel();
    if (events_ != nullptr) events_->OnCancel();
  }
  DropOne();
}

void Call::DropOne() {
  if (--left_ == 0) delete this;
}

void Call::WriteHeaders() { stream_.SendInitialMetadata(&written_); }

void Call::WriteEvent(const runtime::v1::ContainerEventResponse& event) {
  auto bytes = Serialize(event);
  if (!bytes.ok()) return Finish(bytes.status());
  stream_.Write(*bytes, &written_);
}

void Call::Finish(const absl::Status& status) {
  stream_.Finish(ToGrpcStatus(status), &finished_);
}

}  // namespace cri::server
