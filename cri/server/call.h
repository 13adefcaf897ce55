// SPDX-License-Identifier: Apache-2.0
// The edge between gRPC's callback API and the RPC functions: one reactor for
// all unary calls. It builds the context, posts the function to the executor,
// logs the outcome once and maps the result.
#ifndef CORACLE_CRI_SERVER_CALL_H_
#define CORACLE_CRI_SERVER_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "cri/server/context.h"
#include "cri/server/errors.h"

namespace cri::server {

uint64_t NextRequestId();
absl::Time DeadlineOf(const grpc::CallbackServerContext& context);
// One line for the call: errors as warnings, the rest for debugging only.
void LogCall(const Context& context, const absl::Status& status,
             absl::Duration took);

// Owns itself: gRPC calls OnDone last. Request and response are gRPC's and live
// as long.
template <typename Request, typename Response>
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  using Function = absl::StatusOr<Response> (*)(Context&, const Request&);

  UnaryCall(Engine& engine, const char* method,
            const grpc::CallbackServerContext& context, const Request* request,
            Response* response, Function function)
      : context_{engine, method, NextRequestId(), DeadlineOf(context),
                 &cancelled_} {
    engine.executor->Post([this, request, response, function] {
      Run(*request, *response, function);
    });
  }

  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  void Run(const Request& request, Response& response, Function function) {
    const absl::Time begin = absl::Now();
    absl::StatusOr<Response> result = function(context_, request);
    LogCall(context_, result.status(), absl::Now() - begin);
    if (result.ok()) response = *std::move(result);
    Finish(ToGrpcStatus(result.status()));  // the last use of this object
  }

  std::atomic<bool> cancelled_{false};
  Context context_;
};

// A call that fails at once.
class RefusedCall : public grpc::ServerUnaryReactor {
 public:
  explicit RefusedCall(const absl::Status& status) {
    Finish(ToGrpcStatus(status));
  }
  void OnDone() override { delete this; }
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_CALL_H_
