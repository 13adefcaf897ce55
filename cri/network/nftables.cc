// SPDX-License-Identifier: Apache-2.0
// Needs nf_tables with NAT in family inet (kernel 5.2).
#include "cri/network/nftables.h"

#include <arpa/inet.h>  // before the kernel's: both define in_addr
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/types/span.h"
#include "runtime/base/status.h"

namespace cri::network::nft {
namespace {

constexpr size_t kSlotBytes = 4;
constexpr size_t kMessageBytes = 64 << 10;
constexpr size_t kElementsPerMessage = 256;

using TablePtr = std::unique_ptr<nftnl_table, decltype(&nftnl_table_free)>;
using ChainPtr = std::unique_ptr<nftnl_chain, decltype(&nftnl_chain_free)>;
using SetPtr = std::unique_ptr<nftnl_set, decltype(&nftnl_set_free)>;

// How nft(8) numbers the types it prints, and how many bits each takes.
constexpr uint32_t kTypeBits = 6;
uint32_t NumberOf(Type type) {
  switch (type) {
    case Type::kIpv4:
      return 7;
    case Type::kIpv6:
      return 8;
    case Type::kProtocol:
      return 12;
    case Type::kPort:
      return 13;
  }
  return 0;
}

uint32_t NumberOf(const std::vector<Type>& types) {
  uint32_t number = 0;
  for (const Type type : types) number = number << kTypeBits | NumberOf(type);
  return number;
}

uint32_t BytesOf(const std::vector<Type>& types) {
  size_t bytes = 0;
  for (const Type type : types) bytes += type == Type::kIpv6 ? 16 : kSlotBytes;
  return static_cast<uint32_t>(bytes);
}

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

uint32_t NumberOf(Hook hook) {
  switch (hook) {
    case Hook::kPrerouting:
      return NF_INET_PRE_ROUTING;
    case Hook::kOutput:
      return NF_INET_LOCAL_OUT;
    case Hook::kPostrouting:
      return NF_INET_POST_ROUTING;
  }
  return NF_INET_NUMHOOKS;
}

void AppendPart(Bytes& bytes, absl::Span<const uint8_t> part) {
  bytes.insert(bytes.end(), part.begin(), part.end());
  bytes.resize((bytes.size() + kSlotBytes - 1) / kSlotBytes * kSlotBytes);
}

}  // namespace

void AppendIp(Bytes& bytes, Ip ip) { AppendPart(bytes, ip.wire()); }

void AppendProtocol(Bytes& bytes, uint8_t protocol) {
  AppendPart(bytes, {protocol});
}

void AppendPort(Bytes& bytes, uint16_t port) {
  AppendPart(bytes,
             {static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port)});
}

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

Batch::Batch(std::string table) : table_(std::move(table)) {
  bytes_.resize(kMessageBytes);
  nftnl_batch_begin(bytes_.data(), ++seq_);
  bytes_.resize(
      MNL_ALIGN(reinterpret_cast<const nlmsghdr*>(bytes_.data())->nlmsg_len));
}

void Batch::Append(uint16_t type, uint16_t flags,
                   const std::function<void(nlmsghdr*)>& fill) {
  const size_t used = bytes_.size();
  bytes_.resize(used + kMessageBytes);
  nlmsghdr* header = nftnl_nlmsg_build_hdr(
      bytes_.data() + used, type, NFPROTO_INET, flags | NLM_F_ACK, ++seq_);
  fill(header);
  bytes_.resize(used + MNL_ALIGN(header->nlmsg_len));
}

void Batch::AddTable() {
  TablePtr table(nftnl_table_alloc(), nftnl_table_free);
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_.c_str());
  Append(NFT_MSG_NEWTABLE, NLM_F_CREATE, [&](nlmsghdr* header) {
    nftnl_table_nlmsg_build_payload(header, table.get());
  });
}

void Batch::DeleteTable() {
  TablePtr table(nftnl_table_alloc(), nftnl_table_free);
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_.c_str());
  Append(NFT_MSG_DELTABLE, 0, [&](nlmsghdr* header) {
    nftnl_table_nlmsg_build_payload(header, table.get());
  });
}

void Batch::AddChain(const std::string& name) {
  ChainPtr chain(nftnl_chain_alloc(), nftnl_chain_free);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, table_.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str());
  Append(NFT_MSG_NEWCHAIN, NLM_F_CREATE, [&](nlmsghdr* header) {
    nftnl_chain_nlmsg_build_payload(header, chain.get());
  });
}

void Batch::Hooked(const std::string& name, const char* type, Hook hook,
                   int priority) {
  ChainPtr chain(nftnl_chain_alloc(), nftnl_chain_free);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, table_.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, type);
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, NumberOf(hook));
  nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, priority);
  Append(NFT_MSG_NEWCHAIN, NLM_F_CREATE, [&](nlmsghdr* header) {
    nftnl_chain_nlmsg_build_payload(header, chain.get());
  });
}

void Batch::AddFilterChain(const std::string& name, Hook hook) {
  Hooked(name, "filter", hook, NF_IP_PRI_RAW);
}

void Batch::AddNatChain(const std::string& name, Hook hook) {
  Hooked(name, "nat", hook,
         hook == Hook::kPostrouting ? NF_IP_PRI_NAT_SRC : NF_IP_PRI_NAT_DST);
}

void Batch::FlushChain(const std::string& name) {
  const std::unique_ptr<nftnl_rule, decltype(&nftnl_rule_free)> rule(
      nftnl_rule_alloc(), nftnl_rule_free);
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, table_.c_str());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, name.c_str());
  Append(NFT_MSG_DELRULE, 0, [&](nlmsghdr* header) {
    nftnl_rule_nlmsg_build_payload(header, rule.get());
  });
}

void Batch::AddRule(const Rule& rule) {
  nftnl_rule_set_str(rule.rule_.get(), NFTNL_RULE_TABLE, table_.c_str());
  Append(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, [&](nlmsghdr* header) {
    nftnl_rule_nlmsg_build_payload(header, rule.rule_.get());
  });
}

void Batch::AddSet(const Set& set) {
  SetPtr made(nftnl_set_alloc(), nftnl_set_free);
  nftnl_set_set_str(made.get(), NFTNL_SET_TABLE, table_.c_str());
  nftnl_set_set_str(made.get(), NFTNL_SET_NAME, set.name.c_str());
  nftnl_set_set_u32(made.get(), NFTNL_SET_ID, ++sets_);
  nftnl_set_set_u32(made.get(), NFTNL_SET_KEY_TYPE, NumberOf(set.key));
  nftnl_set_set_u32(made.get(), NFTNL_SET_KEY_LEN, BytesOf(set.key));
  if (!set.value.empty()) {
    nftnl_set_set_u32(made.get(), NFTNL_SET_FLAGS, NFT_SET_MAP);
    nftnl_set_set_u32(made.get(), NFTNL_SET_DATA_TYPE, NumberOf(set.value));
    nftnl_set_set_u32(made.get(), NFTNL_SET_DATA_LEN, BytesOf(set.value));
  }
  Append(NFT_MSG_NEWSET, NLM_F_CREATE, [&](nlmsghdr* header) {
    nftnl_set_nlmsg_build_payload(header, made.get());
  });
}

void Batch::Elements(uint16_t type, const Set& set,
                     const std::vector<Element>& elements) {
  const bool adds = type == NFT_MSG_NEWSETELEM;
  for (size_t begin = 0; begin < elements.size();
       begin += kElementsPerMessage) {
    SetPtr part(nftnl_set_alloc(), nftnl_set_free);
    nftnl_set_set_str(part.get(), NFTNL_SET_TABLE, table_.c_str());
    nftnl_set_set_str(part.get(), NFTNL_SET_NAME, set.name.c_str());
    const size_t end = std::min(begin + kElementsPerMessage, elements.size());
    for (size_t i = begin; i < end; ++i) {
      const Element& from = elements[i];
      nftnl_set_elem* element = nftnl_set_elem_alloc();
      nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, from.key.data(),
                         static_cast<uint32_t>(from.key.size()));
      if (adds && !from.value.empty()) {
        nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, from.value.data(),
                           static_cast<uint32_t>(from.value.size()));
      }
      nftnl_set_elem_add(part.get(), element);
    }
    Append(type, adds ? NLM_F_CREATE : 0, [&](nlmsghdr* header) {
      nftnl_set_elems_nlmsg_build_payload(header, part.get());
    });
  }
}

void Batch::AddElements(const Set& set, const std::vector<Element>& elements) {
  Elements(NFT_MSG_NEWSETELEM, set, elements);
}

void Batch::DeleteElements(const Set& set,
                           const std::vector<Element>& elements) {
  Elements(NFT_MSG_DELSETELEM, set, elements);
}

void Batch::FlushSet(const Set& set) {
  SetPtr all(nftnl_set_alloc(), nftnl_set_free);
  nftnl_set_set_str(all.get(), NFTNL_SET_TABLE, table_.c_str());
  nftnl_set_set_str(all.get(), NFTNL_SET_NAME, set.name.c_str());
  Append(NFT_MSG_DELSETELEM, 0, [&](nlmsghdr* header) {
    nftnl_set_elems_nlmsg_build_payload(header, all.get());
  });
}

absl::Status Batch::Commit(Socket& socket, const std::string& what) {
  const uint32_t last = seq_;
  const size_t used = bytes_.size();
  bytes_.resize(used + kMessageBytes);
  nftnl_batch_end(bytes_.data() + used, ++seq_);
  bytes_.resize(
      used +
      MNL_ALIGN(
          reinterpret_cast<const nlmsghdr*>(bytes_.data() + used)->nlmsg_len));
  return socket.RunBatch(bytes_, last, what);
}

}  // namespace cri::network::nft
