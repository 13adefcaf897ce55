// SPDX-License-Identifier: Apache-2.0
// What a streaming URL stands for. The functions block, run on the executor,
// and see the world as it is when the client comes, not as it was when the URL
// was asked for.
#ifndef CORACLE_CRI_STREAM_REQUEST_H_
#define CORACLE_CRI_STREAM_REQUEST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/handler/stream.h"

namespace cri::stream {

// An exec or an attach.
struct ProcessRequest {
  bool attach = false;
  bool tty = false, in = false, out = false, err = false;
  std::function<absl::StatusOr<std::unique_ptr<runtime::StreamSession>>()> open;
};

// A port-forward.
struct ForwardRequest {
  std::vector<uint16_t> ports;  // for the old WebSocket protocol only
  // A non-blocking stream socket of the address family inside the pod's network
  // namespace, not connected.
  std::function<absl::StatusOr<runtime::UniqueFd>(int family)> open_socket;
};

using Request = std::variant<ProcessRequest, ForwardRequest>;

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_REQUEST_H_
