// SPDX-License-Identifier: Apache-2.0
// A ByteStream inside a WebSocket: its bytes are the payload of binary messages
// whose boundaries mean nothing. Carries SPDY for port-forwards.
#ifndef CORACLE_CRI_STREAM_WEBSOCKET_TUNNEL_H_
#define CORACLE_CRI_STREAM_WEBSOCKET_TUNNEL_H_

#include <memory>

#include "cri/stream/byte_stream.h"
#include "cri/stream/websocket.h"

namespace cri::stream {

std::shared_ptr<ByteStream> MakeWebSocketTunnel(
    std::shared_ptr<WebSocket> socket);

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_WEBSOCKET_TUNNEL_H_
