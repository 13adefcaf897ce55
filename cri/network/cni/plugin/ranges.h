// SPDX-License-Identifier: Apache-2.0
// The configuration of host-local: ranges of addresses, and the order in which
// they are tried. No I/O.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_RANGES_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_RANGES_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/cni/spec/address.h"
#include "cri/network/cni/spec/fields.h"
#include "cri/network/cni/spec/result.h"

namespace cri::network::cni {

struct Range {
  IpNet subnet;
  Ip first, last, gateway;

  bool Contains(const Ip& ip) const;
  bool Overlaps(const Range& other) const;
};

// Ranges of one family, none overlapping another. A pod gets one address of
// each set.
struct RangeSet {
  std::vector<Range> ranges;

  const Range* Find(const Ip& ip) const;
  bool Overlaps(const RangeSet& other) const;
  std::string ToString() const;  // "10.1.0.1-10.1.0.254,…"
  // Calls `take` with each address of the set once, gateways left out, from the
  // one behind `last` on, until it returns true. Whether it did.
  absl::StatusOr<bool> Walk(
      const std::optional<Ip>& last,
      const std::function<absl::StatusOr<bool>(const Range&, const Ip&)>& take)
      const;
};

struct HostLocalConf {
  std::string network;
  std::string data_dir;     // "" = /var/lib/cni/networks
  std::string resolv_conf;  // "" = none
  std::vector<RangeSet> sets;
  std::vector<Route> routes;
  std::vector<Ip> requested;  // each once
};

// From the whole request: "ipam", args.cni.ips, and ipRanges and ips of the
// runtimeConfig.
absl::StatusOr<HostLocalConf> ParseHostLocal(const Json& request);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_RANGES_H_
