// SPDX-License-Identifier: Apache-2.0
// Calls of generated stubs, with the deadline that every call here has.
#ifndef CORACLE_TESTS_LOAD_ASK_H_
#define CORACLE_TESTS_LOAD_ASK_H_

#include <memory>

#include "absl/time/clock.h"
#include "tests/load/client.h"

namespace tests::load {

template <typename Stub, typename Request, typename Response>
using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&,
                                      Response*);
template <typename Stub, typename Request, typename Response>
using StreamMethod = std::unique_ptr<grpc::ClientReader<Response>> (Stub::*)(
    grpc::ClientContext*, const Request&);

inline void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + Limits().timeout));
}

template <typename Stub, typename Request, typename Response>
grpc::Status Ask(Stub& stub, Method<Stub, Request, Response> method,
                 const Request& request, Response* response) {
  grpc::ClientContext context;
  SetDeadline(context);
  return (stub.*method)(&context, request, response);
}

// Hands each message to `take`.
template <typename Stub, typename Request, typename Response, typename Take>
grpc::Status AskStream(Stub& stub, StreamMethod<Stub, Request, Response> method,
                       const Request& request, const Take& take) {
  grpc::ClientContext context;
  SetDeadline(context);
  const auto reader = (stub.*method)(&context, request);
  Response response;
  while (reader->Read(&response)) take(response);
  return reader->Finish();
}

}  // namespace tests::load

#endif  // CORACLE_TESTS_LOAD_ASK_H_
