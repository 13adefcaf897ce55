// SPDX-License-Identifier: Apache-2.0
// Needs nf_tables with NAT in family inet (kernel 5.2).
#include "cri/network/nftables.h"

#include <arpa/inet.h>  // before the kernel's: both define in_addr
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>

#include <algorithm>
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
