// SPDX-License-Identifier: Apache-2.0
// The gRPC services. Each method hands its call to the function of the same
// name in rpc.h; what this server does not offer says so by name.
#ifndef CORACLE_CRI_SERVER_SERVICES_H_
#define CORACLE_CRI_SERVER_SERVICES_H_

#include <grpcpp/impl/codegen/service_type.h>

#include <memory>

#include "cri/server/engine.h"

namespace cri::server {

// Borrow the engine, which outlives them.
std::unique_ptr<grpc::Service> MakeRuntimeService(Engine& engine);
std::unique_ptr<grpc::Service> MakeImageService(Engine& engine);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_SERVICES_H_
