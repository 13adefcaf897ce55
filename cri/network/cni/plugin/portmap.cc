// SPDX-License-Identifier: Apache-2.0
// portmap: ports of the node that lead to the pod.
#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/network/cni/plugin/conditions.h"
#include "cri/network/cni/plugin/iptables.h"
#include "cri/network/cni/plugin/kernel.h"
#include "cri/network/cni/plugin/plugins.h"
#include "cri/network/cni/spec/fields.h"
#include "cri/network/conntrack.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr char kDnat[] = "CNI-HOSTPORT-DNAT";
constexpr char kSetMark[] = "CNI-HOSTPORT-SETMARK";
constexpr char kMasquerade[] = "CNI-HOSTPORT-MASQ";
constexpr int64_t kDefaultMarkBit = 13;
constexpr size_t kPortsPerRule = 15;  // of the multiport match
constexpr size_t kMaxComment = 255;
constexpr size_t kMaxChain = 28;  // bytes of its name

struct Mapping {
  uint16_t host_port = 0, pod_port = 0;
  uint8_t protocol = IPPROTO_TCP;
  std::optional<Ip> host_ip;
};

struct Conf {
  std::string network;
  bool snat = true;
  uint32_t mark = 0;
  std::string mark_chain = kSetMark;  // another one is somebody else's
  Conditions conditions[2];           // IPv4's, IPv6's
  std::vector<Mapping> mappings;
};

absl::Status ReadPort(const Json& json, const char* key, uint16_t& port) {
  int64_t number = 0;
  RETURN_IF_ERROR(ReadNumber(json, key, 1, UINT16_MAX, number));
  if (number == 0) return FieldError(key, "is missing");
  port = static_cast<uint16_t>(number);
  return absl::OkStatus();
}

absl::StatusOr<Mapping> ParseMapping(const Json& json) {
  RETURN_IF_ERROR(CheckObject(json));
  Mapping mapping;
  RETURN_IF_ERROR(ReadPort(json, "hostPort", mapping.host_port));
  RETURN_IF_ERROR(ReadPort(json, "containerPort", mapping.pod_port));
  RETURN_IF_ERROR(Read(json, "hostIP", mapping.host_ip));
  std::string protocol = "tcp";
  RETURN_IF_ERROR(Read(json, "protocol", protocol));
  static const auto& protocols = *new std::map<std::string, uint8_t>{
      {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};
  const auto it = protocols.find(absl::AsciiStrToLower(protocol));
  if (it == protocols.end()) {
    return FieldError(
        "protocol", absl::StrCat("\"", protocol, "\" is not tcp, udp or sctp"));
  }
  mapping.protocol = it->second;
  return mapping;
}

// The name of a target, as MARK, would be that for iptables. None has a '-'.
absl::Status ReadMarkChain(const Json& request, std::string& chain) {
  constexpr char kKey[] = "externalSetMarkChain";
  if (runtime::At(request, kKey).is_null()) return absl::OkStatus();
  if (!runtime::At(request, "markMasqBit").is_null()) {
    return FieldError(kKey, "cannot be set together with markMasqBit");
  }
  RETURN_IF_ERROR(Read(request, kKey, chain));
  const bool good =
      chain.size() <= kMaxChain && absl::StrContains(chain, '-') &&
      chain[0] != '-' &&
      std::all_of(chain.begin(), chain.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || c == '-' || c == '_';
      });
  if (good) return absl::OkStatus();
  return FieldError(kKey, absl::StrCat("\"", absl::CEscape(chain),
                                       "\" is no name of a chain with a '-'"));
}

absl::StatusOr<Conf> Parse(const Json& request) {
  Conf conf;
  conf.network = runtime::StringAt(request, "name");
  RETURN_IF_ERROR(Read(request, "snat", conf.snat));
  int64_t bit = kDefaultMarkBit;
  RETURN_IF_ERROR(ReadNumber(request, "markMasqBit", 0, 31, bit));
  conf.mark = uint32_t{1} << bit;
  RETURN_IF_ERROR(ReadMarkChain(request, conf.mark_chain));
  for (const bool v6 : {false, true}) {
    ASSIGN_OR_RETURN(conf.conditions[v6], Conditions::Parse(request, v6));
  }
  RETURN_IF_ERROR(
      Within(ReadEach(runtime::At(request, "runtimeConfig"), "portMappings",
                      [&](const Json& item) -> absl::Status {
                        ASSIGN_OR_RETURN(conf.mappings.emplace_back(),
                                         ParseMapping(item));
                        return absl::OkStatus();
                      }),
             "runtimeConfig"));
  return conf;
}

// The pod's first address of a family.
std::optional<IpNet> PodAddress(const Call& call, const Result& result,
                                bool v6) {
  for (const IpConfig& ip : result.ips) {
    if (ip.address.ip.v6() != v6) continue;
    if (ip.interface.has_value()) {
      const Interface& at = result.interfaces[*ip.interface];
      if (at.name != call.ifname || at.sandbox.empty()) continue;
    }
    return ip.address;
  }
  return std::nullopt;
}

std::string PodChain(const Conf& conf, const Call& call) {
  return ChainName("DN-", conf.network, call.container_id);
}

// From the node's chain into the pod's: a rule per protocol and 15 ports, in
// the order of the protocols' names.
std::vector<NatRule> EntryRules(const Conf& conf, const Call& call, bool v6) {
  std::string comment = absl::StrCat("dnat name: \"", conf.network, "\" id: \"",
                                     call.container_id, "\"");
  if (comment.size() > kMaxComment) {
    comment = absl::StrCat(comment.substr(0, kMaxComment - 2), "...");
  }
  std::vector<NatRule> rules;
  for (const uint8_t protocol : {IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP}) {
    std::vector<uint16_t> ports;
    const auto flush = [&] {
      NatRule rule(v6);
      rule.Protocol(protocol);
      conf.conditions[v6].AddTo(rule);
      rule.Comment(comment).Ports(ports).Jump(PodChain(conf, call));
      rules.push_back(std::move(rule));
      ports.clear();
    };
    for (const Mapping& mapping : conf.mappings) {
      if (mapping.protocol != protocol) continue;
      ports.push_back(mapping.host_port);
      if (ports.size() == kPortsPerRule) flush();
    }
    if (!ports.empty()) flush();
  }
  return rules;
}

// In the pod's chain. What comes from the pod itself or from 127.0.0.1 is
// marked for masquerading first: its answer would not come back this way.
std::vector<NatRule> PodRules(const Conf& conf, const IpNet& pod) {
  const bool v6 = pod.ip.v6();
  std::vector<NatRule> rules;
  for (const Mapping& mapping : conf.mappings) {
    if (mapping.host_ip.has_value() && mapping.host_ip->v6() != v6) continue;
    const bool one_address =
        mapping.host_ip.has_value() && !mapping.host_ip->IsAny();
    const auto rule = [&](const std::optional<IpNet>& source) {
      NatRule made(v6);
      made.Protocol(mapping.protocol);
      if (source.has_value()) made.Source(*source);
      if (one_address) made.Destination(IpNet::Host(*mapping.host_ip));
      made.Port(mapping.protocol, mapping.host_port);
      return made;
    };
    if (conf.snat) {
      rules.push_back(rule(pod));
      rules.back().Jump(conf.mark_chain);
      if (!v6) {
        rules.push_back(rule(IpNet::Host(ParseIp("127.0.0.1").value())));
        rules.back().Jump(conf.mark_chain);
      }
    }
    rules.push_back(rule(std::nullopt));
    rules.back().DnatTo(pod.ip, mapping.pod_port);
  }
  return rules;
}

absl::Status AddMasquerading(const Conf& conf, NatChange& change) {
  if (conf.mark_chain != kSetMark) {
    ASSIGN_OR_RETURN(const bool there, change.HasChain(conf.mark_chain));
    if (there) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("there is no chain ", conf.mark_chain, " in table nat of ",
                     change.v6() ? "ip6tables" : "iptables"));
  }
  change.EnsureChain(kSetMark);
  NatRule mark(change.v6());
  mark.Comment("CNI portfwd masquerade mark").SetMark(conf.mark);
  RETURN_IF_ERROR(change.AppendUnique(kSetMark, mark));
  change.EnsureChain(kMasquerade);
  NatRule masquerade(change.v6());
  masquerade.Marked(conf.mark).Masquerade();
  RETURN_IF_ERROR(change.AppendUnique(kMasquerade, masquerade));
  change.EnsureChain("POSTROUTING");
  // First, as rules of ptp and bridge there would accept the packets.
  NatRule entry(change.v6());
  entry.Comment("CNI portfwd requiring masquerade").Jump(kMasquerade);
  return change.PrependUnique("POSTROUTING", entry);
}

absl::Status AddForwarding(const Conf& conf, const Call& call,
                           const IpNet& pod) {
  const bool v6 = pod.ip.v6();
  const std::string chain = PodChain(conf, call);
  NatChange change(v6);
  if (conf.snat) RETURN_IF_ERROR(AddMasquerading(conf, change));
  change.EnsureChain(kDnat);
  for (const char* hook : {"PREROUTING", "OUTPUT"}) {
    change.EnsureChain(hook);
    NatRule entry(v6);
    entry.ToLocal().Jump(kDnat);
    RETURN_IF_ERROR(change.AppendUnique(hook, entry));
  }
  change.EnsureChain(chain);
  // What an interrupted call left is replaced.
  RETURN_IF_ERROR(change.DeleteJumps(kDnat, chain));
  change.Flush(chain);
  for (const NatRule& rule : PodRules(conf, pod)) change.Append(chain, rule);
  for (const NatRule& rule : EntryRules(conf, call, v6)) {
    change.Append(kDnat, rule);
  }
  return change.Commit(absl::StrCat("add port mapping chain ", chain));
}

// Packets from 127.0.0.1 may leave by the link to the pod.
absl::Status RouteLocalnet(const Ip& pod) {
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(const int index, LinkToward(rtnl, pod));
  ASSIGN_OR_RETURN(const std::vector<Link> links, ListLinks(rtnl));
  for (const Link& link : links) {
    if (link.index != index) continue;
    return SetSysctl(absl::StrCat("ipv4/conf/", link.name, "/route_localnet"),
                     "1");
  }
  return absl::OkStatus();
}

// Flows from before would go on to where they went.
void ForgetFlows(const Conf& conf, const Ip& pod) {
  std::vector<Forward> forwards;
  for (const Mapping& mapping : conf.mappings) {
    if (mapping.protocol == IPPROTO_TCP) continue;
    Forward forward;
    forward.protocol =
        mapping.protocol == IPPROTO_UDP ? Protocol::kUdp : Protocol::kSctp;
    forward.host_port = mapping.host_port;
    forward.pod_ip = pod;
    forward.pod_port = mapping.pod_port;
    forwards.push_back(forward);
  }
  const absl::Status forgotten = ForgetConnectionsElsewhere(forwards);
  if (!forgotten.ok()) {
    runtime::log::Warning("cni: portmap: ", forgotten.message());
  }
}

absl::StatusOr<Result> Add(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  ASSIGN_OR_RETURN(Result result, PreviousResult(call));
  if (conf.mappings.empty()) return result;
  for (const bool v6 : {false, true}) {
    const std::optional<IpNet> pod = PodAddress(call, result, v6);
    if (!pod.has_value()) continue;
    if (conf.snat && !v6) RETURN_IF_ERROR(RouteLocalnet(pod->ip));
    RETURN_IF_ERROR(AddForwarding(conf, call, *pod));
    ForgetFlows(conf, pod->ip);
  }
  return result;
}

absl::Status Del(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  const std::string chain = PodChain(conf, call);
  for (const bool v6 : {false, true}) {
    NatChange change(v6);
    ASSIGN_OR_RETURN(const bool there, change.HasChain(chain));
    if (!there) continue;
    RETURN_IF_ERROR(change.DeleteJumps(kDnat, chain));
    change.Flush(chain);
    change.DeleteChain(chain);
    RETURN_IF_ERROR(
        change.Commit(absl::StrCat("remove port mapping chain ", chain)));
  }
  return absl::OkStatus();
}

absl::Status CheckRules(NatChange& change, const std::string& chain,
                        const std::vector<NatRule>& wanted) {
  ASSIGN_OR_RETURN(const std::vector<ExistingRule> rules, change.Rules(chain));
  std::set<std::string> there;
  for (const ExistingRule& rule : rules) there.insert(rule.text);
  for (const NatRule& rule : wanted) {
    if (there.contains(TextOf(rule))) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("chain ", chain, " has lost a rule of this pod"));
  }
  return absl::OkStatus();
}

absl::Status Check(const Call& call) {
  ASSIGN_OR_RETURN(const Conf conf, Parse(call.request));
  ASSIGN_OR_RETURN(const Result result, PreviousResult(call));
  if (conf.mappings.empty()) return absl::OkStatus();
  for (const bool v6 : {false, true}) {
    const std::optional<IpNet> pod = PodAddress(call, result, v6);
    if (!pod.has_value()) continue;
    NatChange change(v6);
    RETURN_IF_ERROR(
        CheckRules(change, PodChain(conf, call), PodRules(conf, *pod)));
    RETURN_IF_ERROR(CheckRules(change, kDnat, EntryRules(conf, call, v6)));
  }
  return absl::OkStatus();
}

absl::Status Understands(const Json& conf) {
  RETURN_IF_ERROR(OnlyKeys(conf, {"snat", "markMasqBit", "externalSetMarkChain",
                                  "conditionsV4", "conditionsV6"}));
  return Parse(conf).status();
}

}  // namespace

const PluginCode& Portmap() {
  static const PluginCode kCode{Add, Del, Check, nullptr, Understands};
  return kCode;
}

}  // namespace cri::network::cni
