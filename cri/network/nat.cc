// SPDX-License-Identifier: Apache-2.0
#include "cri/network/nat.h"

#include <netinet/in.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "cri/network/loopback_guard.h"
#include "cri/network/nftables.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

using nft::Hook;
using nft::Op;
using nft::Rule;
using nft::Side;
using nft::Type;

constexpr Family kFamilies[] = {Family::kV4, Family::kV6};
constexpr char kPrerouting[] = "prerouting";
constexpr char kOutput[] = "output";
constexpr char kHostPorts[] = "hostports";
constexpr char kPostrouting[] = "postrouting";

// The sets of one family.
struct Sets {
  nft::Set at;       // (node's address, protocol, port) → (pod, port)
  nft::Set any;      // (protocol, port) → (pod, port)
  nft::Set hairpin;  // (pod, pod): one that came back to itself
};

const Sets& SetsOf(Family family) {
  static const auto make = [](Type ip, const std::string& suffix) {
    return Sets{{absl::StrCat("at", suffix),
                 {ip, Type::kProtocol, Type::kPort},
                 {ip, Type::kPort}},
                {absl::StrCat("any", suffix),
                 {Type::kProtocol, Type::kPort},
                 {ip, Type::kPort}},
                {absl::StrCat("hairpin", suffix), {ip, ip}, {}}};
  };
  static const auto& v4 = *new Sets(make(Type::kIpv4, "4"));
  static const auto& v6 = *new Sets(make(Type::kIpv6, "6"));
  return family == Family::kV4 ? v4 : v6;
}

int SlotsOf(Family family) { return BitsOf(family) / 32; }

// Elements of all sets, by set.
struct Elements {
  std::vector<nft::Element> at, any;
  std::set<nft::Element> hairpin;
};

std::map<Family, Elements> ElementsOf(const std::vector<Forward>& forwards) {
  std::map<Family, Elements> all;
  for (const Forward& forward : forwards) {
    Elements& elements = all[forward.pod_ip.family];
    nft::Element element;
    if (forward.host_ip.has_value())
      nft::AppendIp(element.key, *forward.host_ip);
    nft::AppendProtocol(element.key, NumberOf(forward.protocol));
    nft::AppendPort(element.key, forward.host_port);
    nft::AppendIp(element.value, forward.pod_ip);
    nft::AppendPort(element.value, forward.pod_port);
    (forward.host_ip.has_value() ? elements.at : elements.any)
        .push_back(std::move(element));
    nft::Element self;
    nft::AppendIp(self.key, forward.pod_ip);
    nft::AppendIp(self.key, forward.pod_ip);
    elements.hairpin.insert(std::move(self));
  }
  return all;
}

using Change = void (nft::Batch::*)(const nft::Set&,
                                    const std::vector<nft::Element>&);

void ForEachSet(nft::Batch& batch, const std::vector<Forward>& forwards,
                Change change) {
  for (const auto& [family, elements] : ElementsOf(forwards)) {
    const Sets& sets = SetsOf(family);
    (batch.*change)(sets.at, elements.at);
    (batch.*change)(sets.any, elements.any);
    (batch.*change)(sets.hairpin,
                    {elements.hairpin.begin(), elements.hairpin.end()});
  }
}

void AddHostPorts(nft::Batch& batch) {
  for (const char* chain : {kPrerouting, kOutput}) {
    Rule local(chain);
    local.DestinationIsLocal().Goto(kHostPorts);
    batch.AddRule(local);
  }
  for (const Family family : kFamilies) {
    const Sets& sets = SetsOf(family);
    const int slot = SlotsOf(family);
    Rule at(kHostPorts);
    at.For(family)
        .LoadAddress(Side::kDestination, family, 0)
        .LoadProtocol(slot)
        .LoadDestinationPort(slot + 1)
        .Lookup(sets.at)
        .Dnat(family);
    batch.AddRule(at);
    Rule any(kHostPorts);
    any.For(family);
    if (family == Family::kV6) {
      any.Address(Side::kDestination, Op::kIsNot, LoopbackOf(family));
    }
    any.LoadProtocol(0).LoadDestinationPort(1).Lookup(sets.any).Dnat(family);
    batch.AddRule(any);
  }
}

// What a pod must not see as it is, because the answer would not come back: the
// node's 127.0.0.1 and the pod itself.
void AddReturnPaths(nft::Batch& batch, const NatOptions& options) {
  Rule loopback(kPostrouting);
  loopback.For(Family::kV4)
      .Address(Side::kSource, Op::kIs, LoopbackOf(Family::kV4))
      .Out(Op::kIs, options.bridge)
      .Masquerade(false);
  batch.AddRule(loopback);
  for (const Family family : kFamilies) {
    Rule self(kPostrouting);
    self.For(family)
        .LoadAddress(Side::kSource, family, 0)
        .LoadAddress(Side::kDestination, family, SlotsOf(family))
        .Lookup(SetsOf(family).hairpin)
        .Masquerade(false);
    batch.AddRule(self);
  }
  if (options.bridged_translated) return;
  for (const Cidr& pods : options.pods) {
    Rule neighbour(kPostrouting);
    neighbour.For(pods.family())
        .Address(Side::kSource, Op::kIs, pods)
        .Address(Side::kDestination, Op::kIs, pods)
        .Out(Op::kIs, options.bridge)
        .Translated()
        .Masquerade(false);
    batch.AddRule(neighbour);
  }
}

void AddMasquerade(nft::Batch& batch, const NatOptions& options) {
  for (const Cidr& pods : options.pods) {
    Rule leaves(kPostrouting);
    leaves.For(pods.family())
        .Address(Side::kSource, Op::kIs, pods)
        .Address(Side::kDestination, Op::kIsNot, pods);
    for (const Cidr& cluster : options.cluster) {
      if (cluster.family() != pods.family()) continue;
      leaves.Address(Side::kDestination, Op::kIsNot, cluster);
    }
    // Random ports: two pods that leave with the same port at the same moment
    // would otherwise race for it, and one loses its packet.
    leaves.Masquerade(true);
    batch.AddRule(leaves);
  }
}

}  // namespace

const char* NameOf(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "TCP";
    case Protocol::kUdp:
      return "UDP";
    case Protocol::kSctp:
      return "SCTP";
  }
  return "?";
}

uint8_t NumberOf(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return IPPROTO_TCP;
    case Protocol::kUdp:
      return IPPROTO_UDP;
    case Protocol::kSctp:
      return IPPROTO_SCTP;
  }
  return 0;
}

absl::Status InstallNat(Socket& socket, const NatOptions& options,
                        const std::vector<Forward>& forwards) {
  nft::Batch batch(options.table);
  batch.AddTable();
  for (const Family family : kFamilies) {
    const Sets& sets = SetsOf(family);
    for (const nft::Set* set : {&sets.at, &sets.any, &sets.hairpin}) {
      batch.AddSet(*set);
    }
  }
  batch.AddChain(kHostPorts);
  batch.AddNatChain(kPrerouting, Hook::kPrerouting);
  batch.AddNatChain(kOutput, Hook::kOutput);
  batch.AddNatChain(kPostrouting, Hook::kPostrouting);
  for (const char* chain : {kPrerouting, kOutput, kHostPorts, kPostrouting}) {
    batch.FlushChain(chain);
  }
  AddLoopbackGuard(batch);
  AddHostPorts(batch);
  AddReturnPaths(batch, options);
  if (options.masquerade) AddMasquerade(batch, options);
  ForEachSet(batch, forwards, &nft::Batch::AddElements);
  return batch.Commit(socket,
                      absl::StrCat("install nftables table ", options.table));
}

absl::Status RemoveNat(Socket& socket, const std::string& table) {
  nft::Batch batch(table);
  batch.DeleteTable();
  const absl::Status removed =
      batch.Commit(socket, absl::StrCat("remove nftables table ", table));
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

absl::Status AddForwards(Socket& socket, const std::string& table,
                         const std::vector<Forward>& forwards) {
  nft::Batch batch(table);
  ForEachSet(batch, forwards, &nft::Batch::AddElements);
  return batch.Commit(socket, absl::StrCat("add host ports to table ", table));
}

absl::Status RemoveForwards(Socket& socket, const std::string& table,
                            const std::vector<Forward>& forwards) {
  nft::Batch batch(table);
  ForEachSet(batch, forwards, &nft::Batch::DeleteElements);
  return batch.Commit(socket,
                      absl::StrCat("remove host ports from table ", table));
}

absl::Status ReplaceForwards(Socket& socket, const std::string& table,
                             const std::vector<Forward>& forwards) {
  nft::Batch batch(table);
  for (const Family family : kFamilies) {
    const Sets& sets = SetsOf(family);
    for (const nft::Set* set : {&sets.at, &sets.any, &sets.hairpin}) {
      batch.FlushSet(*set);
    }
  }
  ForEachSet(batch, forwards, &nft::Batch::AddElements);
  return batch.Commit(socket,
                      absl::StrCat("replace host ports of table ", table));
}

}  // namespace cri::network
