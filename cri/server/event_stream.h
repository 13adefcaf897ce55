// SPDX-License-Identifier: Apache-2.0
// The stream of GetContainerEvents.
#ifndef CORACLE_CRI_SERVER_EVENT_STREAM_H_
#define CORACLE_CRI_SERVER_EVENT_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include "cri/server/events.h"

namespace cri::server {

// Subscribes, and sends initial metadata at once, by which a client knows that
// from now on it misses nothing. The reactor owns itself.
grpc::ServerWriteReactor<runtime::v1::ContainerEventResponse>* OpenEventStream(
    EventBus& bus);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_EVENT_STREAM_H_
