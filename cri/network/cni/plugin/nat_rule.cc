// SPDX-License-Identifier: Apache-2.0
// The form of rules: which expressions iptables-nft makes of which options.
#include <stdio.h>  // libnftnl's headers lack it

#include <arpa/inet.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cri/network/cni/plugin/iptables.h"

namespace cri::network::cni {
namespace {

// <linux/netfilter/xt_sctp.h>, which C++ compilers do not all take.
struct SctpInfo {
  uint16_t destination_ports[2], source_ports[2];
  uint32_t chunkmap[64];
  uint32_t chunk_match_type;
  struct {
    uint8_t chunktype, flag, flag_mask;
  } flag_info[4];
  int32_t flag_count;
  uint32_t flags, invflags;
};
static_assert(sizeof(SctpInfo) == 292);
constexpr uint32_t kSctpDestinationPorts = 2;

// The size that xtables gives the data of matches and targets.
constexpr size_t Aligned(size_t size) { return (size + 7) & ~size_t{7}; }

// A copy that libnftnl frees.
void* OwnedCopy(const void* info, size_t size) {
  void* copy = calloc(1, Aligned(size));
  memcpy(copy, info, size);
  return copy;
}

}  // namespace

void NatRule::Free::operator()(nftnl_rule* rule) const {
  nftnl_rule_free(rule);
}

NatRule::NatRule(bool v6) : v6_(v6), rule_(nftnl_rule_alloc()) {}

void NatRule::Compare(uint32_t op, absl::Span<const uint8_t> data) {
  nftnl_expr* compare = nftnl_expr_alloc("cmp");
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, op);
  nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, data.data(),
                 static_cast<uint32_t>(data.size()));
  nftnl_rule_add_expr(get(), compare);
}

NatRule& NatRule::Protocol(uint8_t protocol) {
  nftnl_expr* load = nftnl_expr_alloc("meta");
  nftnl_expr_set_u32(load, NFTNL_EXPR_META_KEY, NFT_META_L4PROTO);
  nftnl_expr_set_u32(load, NFTNL_EXPR_META_DREG, NFT_REG_1);
  nftnl_rule_add_expr(get(), load);
  Compare(NFT_CMP_EQ, {&protocol, 1});
  // Matches of old check the protocol against this.
  nftnl_rule_set_u32(get(), NFTNL_RULE_COMPAT_PROTO, protocol);
  nftnl_rule_set_u32(get(), NFTNL_RULE_COMPAT_FLAGS, 0);
  return *this;
}

// Whole bytes are compared as such, other lengths under a mask.
void NatRule::MatchAddress(const IpNet& net, uint32_t offset, bool negate) {
  const auto size = static_cast<uint32_t>(
      (net.prefix % 8 == 0 ? net.prefix : net.ip.bits()) / 8);
  const bool masked = size * 8 != static_cast<uint32_t>(net.prefix);
  if (size == 0) return;
  nftnl_expr* load = nftnl_expr_alloc("payload");
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_LEN, size);
  nftnl_rule_add_expr(get(), load);
  if (masked) {
    const Ip zero = Ip::Any(net.ip.family);
    const Ip mask = zero.Filled(0).Masked(net.prefix);
    nftnl_expr* bits = nftnl_expr_alloc("bitwise");
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_LEN, size);
    nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_MASK, mask.wire().data(), size);
    nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_XOR, zero.wire().data(), size);
    nftnl_rule_add_expr(get(), bits);
  }
  const std::vector<uint8_t> network = net.Network().wire();
  Compare(negate ? NFT_CMP_NEQ : NFT_CMP_EQ, {network.data(), size});
}

NatRule& NatRule::Source(const IpNet& net, bool negate) {
  MatchAddress(net, v6_ ? offsetof(ip6_hdr, ip6_src) : offsetof(iphdr, saddr),
               negate);
  return *this;
}

NatRule& NatRule::Destination(const IpNet& net, bool negate) {
  MatchAddress(net, v6_ ? offsetof(ip6_hdr, ip6_dst) : offsetof(iphdr, daddr),
               negate);
  return *this;
}

NatRule& NatRule::Port(uint8_t protocol, uint16_t port) {
  if (protocol == IPPROTO_SCTP) {
    SctpInfo info{};
    info.destination_ports[0] = info.destination_ports[1] = port;
    for (auto& flag : info.flag_info) flag.chunktype = 0xff;
    info.flags = kSctpDestinationPorts;
    Match("sctp", 0, &info, sizeof info);
    return *this;
  }
  nftnl_expr* load = nftnl_expr_alloc("payload");
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_BASE,
                     NFT_PAYLOAD_TRANSPORT_HEADER);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_OFFSET, 2);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_LEN, 2);
  nftnl_rule_add_expr(get(), load);
  const uint8_t wire[] = {static_cast<uint8_t>(port >> 8),
                          static_cast<uint8_t>(port)};
  Compare(NFT_CMP_EQ, wire);
  return *this;
}

NatRule& NatRule::Ports(absl::Span<const uint16_t> ports) {
  xt_multiport_v1 info{};
  info.flags = XT_MULTIPORT_DESTINATION;
  info.count =
      static_cast<uint8_t>(std::min<size_t>(ports.size(), XT_MULTI_PORTS));
  std::copy_n(ports.begin(), info.count, info.ports);
  Match("multiport", 1, &info, sizeof info);
  return *this;
}

NatRule& NatRule::Comment(const std::string& text) {
  xt_comment_info info{};
  text.copy(info.comment, sizeof info.comment - 1);
  Match("comment", 0, &info, sizeof info);
  return *this;
}

NatRule& NatRule::ToLocal() {
  xt_addrtype_info_v1 info{};
  info.dest = XT_ADDRTYPE_LOCAL;
  Match("addrtype", 1, &info, sizeof info);
  return *this;
}

NatRule& NatRule::Marked(uint32_t bit) {
  const uint32_t zero = 0;
  nftnl_expr* load = nftnl_expr_alloc("meta");
  nftnl_expr_set_u32(load, NFTNL_EXPR_META_KEY, NFT_META_MARK);
  nftnl_expr_set_u32(load, NFTNL_EXPR_META_DREG, NFT_REG_1);
  nftnl_rule_add_expr(get(), load);
  nftnl_expr* bits = nftnl_expr_alloc("bitwise");
  nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
  nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
  nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_LEN, sizeof bit);
  nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_MASK, &bit, sizeof bit);
  nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof zero);
  nftnl_rule_add_expr(get(), bits);
  Compare(NFT_CMP_EQ, {reinterpret_cast<const uint8_t*>(&bit), sizeof bit});
  return *this;
}

void NatRule::Match(const char* name, uint32_t revision, const void* info,
                    size_t size) {
  nftnl_expr* match = nftnl_expr_alloc("match");
  nftnl_expr_set_str(match, NFTNL_EXPR_MT_NAME, name);
  nftnl_expr_set_u32(match, NFTNL_EXPR_MT_REV, revision);
  nftnl_expr_set(match, NFTNL_EXPR_MT_INFO, OwnedCopy(info, size),
                 static_cast<uint32_t>(Aligned(size)));
  nftnl_rule_add_expr(get(), match);
}

void NatRule::Count() {
  nftnl_expr* counter = nftnl_expr_alloc("counter");
  nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_PACKETS, 0);
  nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_BYTES, 0);
  nftnl_rule_add_expr(get(), counter);
}

void NatRule::Target(const char* name, uint32_t revision, const void* info,
                     size_t size) {
  Count();
  nftnl_expr* target = nftnl_expr_alloc("target");
  nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, name);
  nftnl_expr_set_u32(target, NFTNL_EXPR_TG_REV, revision);
  nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, OwnedCopy(info, size),
                 static_cast<uint32_t>(Aligned(size)));
  nftnl_rule_add_expr(get(), target);
}

void NatRule::Verdict(int code, const std::string& chain) {
  Count();
  nftnl_expr* verdict = nftnl_expr_alloc("immediate");
  nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_VERDICT,
                     static_cast<uint32_t>(code));
  if (!chain.empty()) {
    nftnl_expr_set_str(verdict, NFTNL_EXPR_IMM_CHAIN, chain.c_str());
  }
  nftnl_rule_add_expr(get(), verdict);
}

NatRule& NatRule::Jump(const std::string& chain) {
  Verdict(NFT_JUMP, chain);
  return *this;
}

NatRule& NatRule::Accept() {
  Verdict(NF_ACCEPT, "");
  return *this;
}

NatRule& NatRule::Masquerade() {
  if (v6_) {
    const nf_nat_range range{};
    Target("MASQUERADE", 0, &range, sizeof range);
  } else {
    nf_nat_ipv4_multi_range_compat range{};
    range.rangesize = 1;
    Target("MASQUERADE", 0, &range, sizeof range);
  }
  return *this;
}

NatRule& NatRule::DnatTo(const Ip& ip, uint16_t port) {
  nf_nat_range2 range{};
  range.flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;
  const std::vector<uint8_t> address = ip.wire();
  memcpy(&range.min_addr, address.data(), address.size());
  range.max_addr = range.min_addr;
  range.min_proto.all = range.max_proto.all = htons(port);
  Target("DNAT", 2, &range, sizeof range);
  return *this;
}

NatRule& NatRule::SetMark(uint32_t bit) {
  const xt_mark_tginfo2 info{bit, bit};
  Target("MARK", 2, &info, sizeof info);
  return *this;
}

std::string TextOf(const nftnl_rule* rule) {
  std::string text;
  const auto add = [](nftnl_expr* expr, void* to) {
    auto* out = static_cast<std::string*>(to);
    const absl::string_view name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
    if (name == "counter") return 0;
    char buffer[512] = "";
    nftnl_expr_snprintf(buffer, sizeof buffer, expr, NFTNL_OUTPUT_DEFAULT, 0);
    absl::StrAppend(out, "[", name, " ", buffer, "]");
    uint32_t size = 0;
    const void* info = nullptr;
    if (name == "match") info = nftnl_expr_get(expr, NFTNL_EXPR_MT_INFO, &size);
    if (name == "target") {
      info = nftnl_expr_get(expr, NFTNL_EXPR_TG_INFO, &size);
    }
    absl::StrAppend(out, absl::BytesToHexString(absl::string_view(
                             static_cast<const char*>(info), size)));
    return 0;
  };
  nftnl_expr_foreach(const_cast<nftnl_rule*>(rule), add, &text);
  return text;
}

std::string TextOf(const NatRule& rule) { return TextOf(rule.get()); }

}  // namespace cri::network::cni
