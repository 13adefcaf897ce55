// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: network configurations. Whatever is accepted reads the same
// from the text that is kept of it, and can be asked whether it is understood.
#include <cstdint>

#include "absl/strings/string_view.h"
#include "cri/network/cni/plugin/builtin.h"
#include "cri/network/cni/plugin/ranges.h"
#include "cri/network/cni/spec/conf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cri::network::cni::NetworkConf;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<NetworkConf> conf = cri::network::cni::ParseConf(text);
  if (!conf.ok()) {
    if (conf.status().message().empty()) __builtin_trap();
    return 0;
  }
  cri::network::cni::Builtin::Understands(*conf).IgnoreError();
  for (const auto& plugin : conf->plugins) {
    cri::network::cni::ParseHostLocal(plugin.json).status().IgnoreError();
  }
  const absl::StatusOr<NetworkConf> again =
      cri::network::cni::ParseConf(conf->text);
  if (!again.ok() || again->name != conf->name ||
      again->version != conf->version ||
      again->plugins.size() != conf->plugins.size()) {
    __builtin_trap();
  }
  return 0;
}
