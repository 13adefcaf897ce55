// SPDX-License-Identifier: Apache-2.0
// Which protocols the server speaks, by the names that clients offer.
#ifndef CORACLE_CRI_STREAM_PROTOCOL_H_
#define CORACLE_CRI_STREAM_PROTOCOL_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cri/stream/channel_codec.h"
#include "cri/stream/process_session.h"

namespace cri::stream {

struct Protocol {
  absl::string_view name;
  Dialect dialect;       // of exec and attach
  ChannelFormat format;  // of WebSocket channels
  bool tunnel = false;   // SPDY inside a WebSocket
};

enum class Purpose { kProcess, kForward };
enum class Transport { kSpdy, kWebSocket };

const std::vector<Protocol>& ProtocolsFor(Purpose purpose, Transport transport);

// The first of the client's that is spoken, null if none is. A WebSocket client
// that offers none gets the one without a name.
const Protocol* Choose(Purpose purpose, Transport transport,
                       const std::vector<std::string>& offered);

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_PROTOCOL_H_
