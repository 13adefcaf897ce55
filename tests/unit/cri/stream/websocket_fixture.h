// SPDX-License-Identifier: Apache-2.0
// WebSockets to the streaming server of a test.
#ifndef CORACLE_TESTS_UNIT_CRI_STREAM_WEBSOCKET_FIXTURE_H_
#define CORACLE_TESTS_UNIT_CRI_STREAM_WEBSOCKET_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/unit/cri/stream/spdy_client.h"
#include "tests/unit/cri/stream/stream_fixture.h"
#include "tests/unit/cri/stream/websocket_client.h"

namespace cri::stream {

class WebSocketTest : public StreamTest {
 protected:
  WebSocketTest() { Start(); }

  std::unique_ptr<WebSocketClient> Connect(ProcessRequest request,
                                           const std::string& protocol) {
    return std::make_unique<WebSocketClient>(
        server_->port(), PathOf(ProcessUrl(std::move(request))), protocol);
  }

  // The answer to an upgrade that is refused.
  std::string Ask(const std::string& url, const std::string& protocol) {
    RawClient client(server_->port());
    client.Write(
        absl::StrCat("GET ", PathOf(url),
                     " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                     "Sec-WebSocket-Protocol: ",
                     protocol, "\r\n\r\n"));
    return client.ReadToEnd();
  }
};

}  // namespace cri::stream

#endif  // CORACLE_TESTS_UNIT_CRI_STREAM_WEBSOCKET_FIXTURE_H_
