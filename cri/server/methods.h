// SPDX-License-Identifier: Apache-2.0
// The table of what this server serves: from a method's name on the wire to the
// function of rpc.h that answers it. What is not offered says so by name.
#ifndef CORACLE_CRI_SERVER_METHODS_H_
#define CORACLE_CRI_SERVER_METHODS_H_

#include <grpcpp/support/byte_buffer.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cri/server/context.h"

namespace cri::server {

struct Method {
  const char* service;
  const char* name;
  // Parses the request, runs the function of rpc.h and returns the messages of
  // the answer: one, or those of a stream. Null for GetContainerEvents, a
  // stream without an end.
  absl::StatusOr<std::vector<grpc::ByteBuffer>> (*run)(
      Context& context, grpc::ByteBuffer& request);
  // Waits for no pod, disk or registry, so it is not to wait for those that do.
  bool is_short = false;
};

// By the path of a request, "/SERVICE/NAME"; null if there is no such method.
const Method* FindMethod(absl::string_view path);

// The message as gRPC sends it.
absl::StatusOr<grpc::ByteBuffer> Serialize(
    const google::protobuf::MessageLite& message);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_METHODS_H_
