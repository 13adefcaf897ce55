// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/protocol.h"

namespace cri::stream {
namespace {

constexpr Dialect kV1{.json_status = false, .resize = false};
constexpr Dialect kV3{.json_status = false, .resize = true};
constexpr Dialect kV4{.json_status = true, .resize = true};

}  // namespace

const std::vector<Protocol>& ProtocolsFor(Purpose purpose,
                                          Transport transport) {
  static const auto& process_spdy = *new std::vector<Protocol>{
      {"v4.channel.k8s.io", kV4, {}},
      {"v3.channel.k8s.io", kV3, {}},
      {"v2.channel.k8s.io", kV1, {}},
      {"channel.k8s.io", kV1, {}},
  };
  static const auto& process_websocket = *new std::vector<Protocol>{
      {"v5.channel.k8s.io", kV4, {.half_close = true}},
      {"v4.channel.k8s.io", kV4, {}},
      {"v4.base64.channel.k8s.io", kV4, {.base64 = true}},
      {"channel.k8s.io", kV3, {}},
      {"base64.channel.k8s.io", kV3, {.base64 = true}},
      {"", kV3, {}},
  };
  static const auto& forward_spdy = *new std::vector<Protocol>{
      {"portforward.k8s.io", {}, {}},
  };
  static const auto& forward_websocket = *new std::vector<Protocol>{
      {"SPDY/3.1+portforward.k8s.io", {}, {}, true},
      {"v4.channel.k8s.io", {}, {}},
      {"v4.base64.channel.k8s.io", {}, {.base64 = true}},
      {"", {}, {}},
  };
  if (purpose == Purpose::kProcess) {
    return transport == Transport::kSpdy ? process_spdy : process_websocket;
  }
  return transport == Transport::kSpdy ? forward_spdy : forward_websocket;
}

const Protocol* Choose(Purpose purpose, Transport transport,
                       const std::vector<std::string>& offered) {
  const std::vector<Protocol>& spoken = ProtocolsFor(purpose, transport);
  if (offered.empty()) {
    return spoken.back().name.empty() ? &spoken.back() : nullptr;
  }
  for (const std::string& name : offered) {
    for (const Protocol& protocol : spoken) {
      if (!name.empty() && protocol.name == name) return &protocol;
    }
  }
  return nullptr;
}

}  // namespace cri::stream
