// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/masquerade.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "cri/network/cni/plugin/iptables.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr char kPostrouting[] = "POSTROUTING";

std::string NetworkOf(const Call& call) {
  return runtime::StringAt(call.request, "name");
}

std::string ChainOf(const Call& call) {
  return ChainName("", NetworkOf(call), call.container_id);
}

std::string CommentOf(const Call& call) {
  return absl::StrCat("name: \"", NetworkOf(call), "\" id: \"",
                      call.container_id, "\"");
}

// Pods should reach each other by multicast.
IpNet Multicast(bool v6) {
  return v6 ? IpNet{ParseIp("ff00::").value(), 8}
            : IpNet{ParseIp("224.0.0.0").value(), 4};
}

absl::Status AddFamily(const Call& call, bool v6,
                       const std::vector<IpNet>& nets) {
  const std::string chain = ChainOf(call);
  const std::string comment = CommentOf(call);
  NatChange change(v6);
  change.EnsureChain(chain);
  change.EnsureChain(kPostrouting);
  // What an interrupted call left is replaced.
  RETURN_IF_ERROR(change.DeleteJumps(kPostrouting, chain));
  change.Flush(chain);
  for (const IpNet& net : nets) {
    NatRule inside(v6);
    inside.Destination(net).Comment(comment).Accept();
    change.Append(chain, inside);
    if (net == nets.front()) {
      NatRule leaving(v6);
      leaving.Destination(Multicast(v6), true).Comment(comment).Masquerade();
      change.Append(chain, leaving);
    }
    NatRule entry(v6);
    entry.Source(IpNet::Host(net.ip)).Comment(comment).Jump(chain);
    change.Append(kPostrouting, entry);
  }
  return change.Commit(absl::StrCat("add masquerading chain ", chain));
}

}  // namespace

absl::Status AddPodMasquerade(const Call& call,
                              const std::vector<IpConfig>& ips) {
  for (const bool v6 : {false, true}) {
    std::vector<IpNet> nets;
    for (const IpConfig& ip : ips) {
      if (ip.address.ip.v6() == v6) nets.push_back(ip.address);
    }
    if (!nets.empty()) RETURN_IF_ERROR(AddFamily(call, v6, nets));
  }
  return absl::OkStatus();
}

absl::Status RemovePodMasquerade(const Call& call) {
  const std::string chain = ChainOf(call);
  for (const bool v6 : {false, true}) {
    NatChange change(v6);
    ASSIGN_OR_RETURN(const bool there, change.HasChain(chain));
    if (!there) continue;
    RETURN_IF_ERROR(change.DeleteJumps(kPostrouting, chain));
    change.Flush(chain);
    change.DeleteChain(chain);
    RETURN_IF_ERROR(
        change.Commit(absl::StrCat("remove masquerading chain ", chain)));
  }
  return absl::OkStatus();
}

}  // namespace cri::network::cni
