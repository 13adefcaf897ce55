// SPDX-License-Identifier: Apache-2.0
// grpc.health.v1.Health/Check without its generated code: the request is one
// string, the answer one number.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <pthread.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/probe/net.h"
#include "runtime/base/status.h"

namespace agent::probe {
namespace {

namespace io = google::protobuf::io;
using Wire = google::protobuf::internal::WireFormatLite;

constexpr int kServing = 1;

grpc::ByteBuffer Request(const std::string& service) {
  std::string bytes;
  {
    io::StringOutputStream stream(&bytes);
    io::CodedOutputStream out(&stream);
    if (!service.empty()) Wire::WriteString(1, service, &out);
  }
  grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

int ServingStatus(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return 0;
  io::CodedInputStream in(slice.begin(), static_cast<int>(slice.size()));
  while (uint32_t tag = in.ReadTag()) {
    uint32_t value = 0;
    if (tag == Wire::MakeTag(1, Wire::WIRETYPE_VARINT)) {
      return in.ReadVarint32(&value) ? static_cast<int>(value) : 0;
    }
    if (!Wire::SkipField(&in, tag)) return 0;
  }
  return 0;
}

absl::Status Result(const grpc::Status& status, const std::string& service,
                    const std::string& target,
                    const grpc::ByteBuffer& response) {
  if (!status.ok()) {
    return absl::Status(
        static_cast<absl::StatusCode>(status.error_code()),
        absl::StrCat("failed to connect or query service \"", service,
                     "\" at \"", target, "\": ", status.error_message()));
  }
  if (ServingStatus(response) == kServing) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat("service unhealthy (responded with status ",
                   ServingStatus(response), ")"));
}

}  // namespace

struct Net::HealthCall {
  HealthCall(std::string s, std::string t)
      : service(std::move(s)),
        target(std::move(t)),
        stub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())),
        request(Request(service)) {}

  const std::string service, target;
  grpc::GenericStub stub;
  grpc::ClientContext context;
  const grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  Done done;
};

bool Net::Remember(HealthCall* call) {
  absl::MutexLock lock(&mutex_);
  if (stopped_) return false;
  calls_.insert(call);
  if (!health_thread_.joinable()) {
    health_thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "probe-grpc");
      RunHealth();
    });
  }
  return true;
}

void Net::GrpcCheck(const runtime::Json& action,
                    const std::string& default_host, absl::Duration timeout,
                    Done done) {
  std::string host = default_host.find(':') == std::string::npos
                         ? default_host
                         : absl::StrCat("[", default_host, "]");
  auto call = std::make_unique<HealthCall>(
      runtime::StringAt(action, "service"),
      absl::StrCat(host, ":", runtime::IntAt(action, "port")));
  call->context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  call->reader = call->stub.PrepareUnaryCall(&call->context,
                                             "/grpc.health.v1.Health/Check",
                                             call->request, health_.get());
  call->done = std::move(done);
  if (!Remember(call.get())) {
    return call->done(absl::CancelledError("stopped"));
  }
  HealthCall* started = call.release();  // RunHealth takes it back
  started->reader->StartCall();
  started->reader->Finish(&started->response, &started->status, started);
}

void Net::RunHealth() {
  void* tag = nullptr;
  bool ok = false;
  while (health_->Next(&tag, &ok)) {
    std::unique_ptr<HealthCall> call(static_cast<HealthCall*>(tag));
    call->done(
        Result(call->status, call->service, call->target, call->response));
    absl::MutexLock lock(&mutex_);
    calls_.erase(call.get());
  }
}

void Net::StopHealth() {
  std::thread thread;
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(stopped_, true)) return;
    for (HealthCall* call : calls_) call->context.TryCancel();
    mutex_.Await(absl::Condition(
        +[](std::set<HealthCall*>* calls) { return calls->empty(); }, &calls_));
    thread.swap(health_thread_);
  }
  health_->Shutdown();
  if (thread.joinable()) return thread.join();
  void* tag = nullptr;
  bool ok = false;
  while (health_->Next(&tag, &ok)) {
  }
}

}  // namespace agent::probe
