// SPDX-License-Identifier: Apache-2.0
// The expressions that rules are made of.
#include <stdio.h>  // which expr.h lacks

#include <arpa/inet.h>  // before the kernel's: both define in_addr
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include <cstddef>
#include <utility>

#include "cri/network/nftables.h"

namespace cri::network::nft {
namespace {

// The large registers are groups of four small ones; nft(8) reads rules in
// which those that begin a group go by the group's name.
uint32_t RegisterOf(int slot) {
  return static_cast<uint32_t>(slot % 4 == 0 ? NFT_REG_1 + slot / 4
                                             : NFT_REG32_00 + slot);
}

uint8_t ProtocolOf(Family family) {
  return family == Family::kV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

uint32_t OffsetOf(Side side, Family family) {
  if (family == Family::kV4) {
    return side == Side::kSource ? offsetof(iphdr, saddr)
                                 : offsetof(iphdr, daddr);
  }
  return side == Side::kSource ? offsetof(ip6_hdr, ip6_src)
                               : offsetof(ip6_hdr, ip6_dst);
}

}  // namespace

Rule::Rule(std::string chain)
    : chain_(std::move(chain)), rule_(nftnl_rule_alloc(), nftnl_rule_free) {
  nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, chain_.c_str());
  nftnl_rule_set_u32(rule_.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
}

nftnl_expr* Rule::Add(const char* name) {
  nftnl_expr* expression = nftnl_expr_alloc(name);
  nftnl_rule_add_expr(rule_.get(), expression);
  return expression;
}

Rule& Rule::Compare(Op op, const void* data, size_t bytes) {
  nftnl_expr* compare = Add("cmp");
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, RegisterOf(0));
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP,
                     op == Op::kIs ? NFT_CMP_EQ : NFT_CMP_NEQ);
  nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, data,
                 static_cast<uint32_t>(bytes));
  return *this;
}

Rule& Rule::Load(uint32_t meta, int slot) {
  nftnl_expr* load = Add("meta");
  nftnl_expr_set_u32(load, NFTNL_EXPR_META_KEY, meta);
  nftnl_expr_set_u32(load, NFTNL_EXPR_META_DREG, RegisterOf(slot));
  return *this;
}

Rule& Rule::Link(uint32_t meta, Op op, const std::string& link) {
  char name[IFNAMSIZ] = {};
  link.copy(name, sizeof name - 1);
  return Load(meta, 0).Compare(op, name, sizeof name);
}

Rule& Rule::In(Op op, const std::string& link) {
  return Link(NFT_META_IIFNAME, op, link);
}

Rule& Rule::Out(Op op, const std::string& link) {
  return Link(NFT_META_OIFNAME, op, link);
}

Rule& Rule::For(Family family) {
  const uint8_t protocol = ProtocolOf(family);
  return Load(NFT_META_NFPROTO, 0).Compare(Op::kIs, &protocol, sizeof protocol);
}

Rule& Rule::Address(Side side, Op op, const Cidr& cidr) {
  LoadAddress(side, cidr.family(), 0);
  const Bytes mask = Ip{cidr.family(), cidr.mask()}.wire();
  const Bytes zero(mask.size(), 0);
  const auto bytes = static_cast<uint32_t>(mask.size());
  if (cidr.prefix < BitsOf(cidr.family())) {
    nftnl_expr* bits = Add("bitwise");
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_SREG, RegisterOf(0));
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_DREG, RegisterOf(0));
    nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_LEN, bytes);
    nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_MASK, mask.data(), bytes);
    nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_XOR, zero.data(), bytes);
  }
  return Compare(op, cidr.network.wire().data(), bytes);
}

Rule& Rule::Translated() {
  nftnl_expr* load = Add("ct");
  nftnl_expr_set_u32(load, NFTNL_EXPR_CT_KEY, NFT_CT_STATUS);
  nftnl_expr_set_u32(load, NFTNL_EXPR_CT_DREG, RegisterOf(0));
  const uint32_t mask = IPS_DST_NAT;
  const uint32_t zero = 0;
  nftnl_expr* bits = Add("bitwise");
  nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_SREG, RegisterOf(0));
  nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_DREG, RegisterOf(0));
  nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_LEN, sizeof mask);
  nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof mask);
  nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof zero);
  return Compare(Op::kIsNot, &zero, sizeof zero);
}

Rule& Rule::DestinationIsLocal() {
  nftnl_expr* route = Add("fib");
  nftnl_expr_set_u32(route, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
  nftnl_expr_set_u32(route, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  nftnl_expr_set_u32(route, NFTNL_EXPR_FIB_DREG, RegisterOf(0));
  const uint32_t local = RTN_LOCAL;
  return Compare(Op::kIs, &local, sizeof local);
}

Rule& Rule::LoadAddress(Side side, Family family, int slot) {
  nftnl_expr* load = Add("payload");
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_DREG, RegisterOf(slot));
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_OFFSET, OffsetOf(side, family));
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_LEN,
                     static_cast<uint32_t>(BitsOf(family) / 8));
  return *this;
}

Rule& Rule::LoadProtocol(int slot) { return Load(NFT_META_L4PROTO, slot); }

Rule& Rule::LoadDestinationPort(int slot) {
  // At the same place in TCP, UDP and SCTP.
  nftnl_expr* load = Add("payload");
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_DREG, RegisterOf(slot));
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_BASE,
                     NFT_PAYLOAD_TRANSPORT_HEADER);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_OFFSET,
                     offsetof(udphdr, uh_dport));
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_LEN, sizeof(uint16_t));
  return *this;
}

Rule& Rule::Lookup(const Set& set) {
  nftnl_expr* lookup = Add("lookup");
  nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, RegisterOf(0));
  nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, set.name.c_str());
  if (!set.value.empty()) {
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, RegisterOf(0));
  }
  return *this;
}

void Rule::Dnat(Family family) {
  const int port_slot = BitsOf(family) / 32;
  nftnl_expr* nat = Add("nat");
  nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
  nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_FAMILY, ProtocolOf(family));
  nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_ADDR_MIN, RegisterOf(0));
  nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_PROTO_MIN, RegisterOf(port_slot));
}

void Rule::Masquerade(bool random_ports) {
  nftnl_expr* masquerade = Add("masq");
  if (random_ports) {
    nftnl_expr_set_u32(masquerade, NFTNL_EXPR_MASQ_FLAGS,
                       NF_NAT_RANGE_PROTO_RANDOM_FULLY);
  }
}

void Rule::Verdict(int verdict, const std::string& chain) {
  nftnl_expr* immediate = Add("immediate");
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT,
                     static_cast<uint32_t>(verdict));
  if (!chain.empty()) {
    nftnl_expr_set_str(immediate, NFTNL_EXPR_IMM_CHAIN, chain.c_str());
  }
}

void Rule::Drop() { Verdict(NF_DROP, ""); }
void Rule::Goto(const std::string& chain) { Verdict(NFT_GOTO, chain); }

}  // namespace cri::network::nft
