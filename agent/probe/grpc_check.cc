// SPDX-License-Identifier: Apache-2.0
// grpc.health.v1.Health/Check without its generated code: the request is one
// string, the answer one number.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/cri/calls.h"
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

struct HealthCall : cri::Calls::Call {
  HealthCall(std::string s, std::string t)
      : service(std::move(s)),
        target(std::move(t)),
        stub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())),
        request(Request(service)) {}

  void Finish() override { done(Result(status, service, target, response)); }

  const std::string service, target;
  grpc::GenericStub stub;
  const grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  Net::Done done;
};

}  // namespace

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
                                             call->request, health_->queue());
  call->done = std::move(done);
  if (!health_->Take(call.get())) {
    return call->done(absl::CancelledError("stopped"));
  }
  HealthCall* started = call.release();
  started->reader->StartCall();
  started->reader->Finish(&started->response, &started->status,
                          static_cast<cri::Calls::Call*>(started));
}

}  // namespace agent::probe
