// SPDX-License-Identifier: Apache-2.0
// conditionsV4 and conditionsV6 of portmap: arguments for iptables, of which
// those for addresses are known here. No I/O.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_CONDITIONS_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_CONDITIONS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "cri/network/cni/plugin/iptables.h"
#include "cri/network/cni/spec/address.h"
#include "cri/network/cni/spec/fields.h"

namespace cri::network::cni {

// [!] -s and [!] -d.
class Conditions {
 public:
  // Those of a family in the configuration of portmap; none if it has no such
  // field. INVALID_ARGUMENT for anything but one network each.
  static absl::StatusOr<Conditions> Parse(const Json& conf, bool v6);

  void AddTo(NatRule& rule) const;

 private:
  struct Match {
    IpNet net;
    bool negate = false;
  };
  std::optional<Match> source_, destination_;
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_CONDITIONS_H_
