// SPDX-License-Identifier: Apache-2.0
// Needs nf_tables with nat and masq (modules load by themselves).
#include "cri/network/masquerade.h"

#include <arpa/inet.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>
#include <netinet/ip.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cri/network/netlink.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

constexpr char kChain[] = "postrouting";
constexpr size_t kBatchBytes = 8192;

using TablePtr = std::unique_ptr<nftnl_table, decltype(&nftnl_table_free)>;
using ChainPtr = std::unique_ptr<nftnl_chain, decltype(&nftnl_chain_free)>;
using RulePtr = std::unique_ptr<nftnl_rule, decltype(&nftnl_rule_free)>;

// One nf_tables transaction: all of it happens or nothing.
class Batch {
 public:
  Batch() : buffer_(kBatchBytes) {
    nftnl_batch_begin(buffer_.data(), ++seq_);
    Advance();
  }

  void Add(uint16_t type, uint16_t flags,
           const std::function<void(nlmsghdr*)>& fill) {
    nlmsghdr* header = nftnl_nlmsg_build_hdr(
        buffer_.data() + used_, type, NFPROTO_IPV4, flags | NLM_F_ACK, ++seq_);
    fill(header);
    Advance();
  }

  absl::Status Commit(const std::string& what) {
    const uint32_t last = seq_;
    nftnl_batch_end(buffer_.data() + used_, ++seq_);
    Advance();
    ASSIGN_OR_RETURN(Socket socket, Socket::Open(NETLINK_NETFILTER));
    return socket.RunBatch({buffer_.data(), used_}, last, what);
  }

 private:
  void Advance() {
    const auto* header =
        reinterpret_cast<const nlmsghdr*>(buffer_.data() + used_);
    used_ += MNL_ALIGN(header->nlmsg_len);
  }

  std::vector<char> buffer_;
  size_t used_ = 0;
  uint32_t seq_ = 0;
};

void AddTable(Batch& batch, uint16_t type, uint16_t flags,
              const std::string& name) {
  TablePtr table(nftnl_table_alloc(), nftnl_table_free);
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, name.c_str());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_IPV4);
  batch.Add(type, flags, [&](nlmsghdr* header) {
    nftnl_table_nlmsg_build_payload(header, table.get());
  });
}

void AddChain(Batch& batch, const std::string& table) {
  ChainPtr chain(nftnl_chain_alloc(), nftnl_chain_free);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, table.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, kChain);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, "nat");
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, NF_INET_POST_ROUTING);
  nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, NF_IP_PRI_NAT_SRC);
  batch.Add(NFT_MSG_NEWCHAIN, NLM_F_CREATE, [&](nlmsghdr* header) {
    nftnl_chain_nlmsg_build_payload(header, chain.get());
  });
}

// "address at `offset` of the IP header, under the mask, `op` the network".
void MatchNetwork(nftnl_rule* rule, uint32_t offset, uint32_t op,
                  const Cidr& cidr) {
  nftnl_expr* load = nftnl_expr_alloc("payload");
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
  nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_LEN, sizeof(uint32_t));
  nftnl_rule_add_expr(rule, load);

  const uint32_t mask = htonl(cidr.mask());
  const uint32_t zero = 0;
  nftnl_expr* bits = nftnl_expr_alloc("bitwise");
  nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
  nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
  nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_LEN, sizeof mask);
  nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof mask);
  nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof zero);
  nftnl_rule_add_expr(rule, bits);

  const uint32_t network = cidr.network.wire();
  nftnl_expr* compare = nftnl_expr_alloc("cmp");
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, op);
  nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, &network, sizeof network);
  nftnl_rule_add_expr(rule, compare);
}

void AddRule(Batch& batch, const std::string& table, const Cidr& cidr,
             const std::optional<Cidr>& cluster) {
  RulePtr rule(nftnl_rule_alloc(), nftnl_rule_free);
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, table.c_str());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, kChain);
  nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, NFPROTO_IPV4);
  MatchNetwork(rule.get(), offsetof(iphdr, saddr), NFT_CMP_EQ, cidr);
  MatchNetwork(rule.get(), offsetof(iphdr, daddr), NFT_CMP_NEQ, cidr);
  if (cluster.has_value()) {
    MatchNetwork(rule.get(), offsetof(iphdr, daddr), NFT_CMP_NEQ, *cluster);
  }
  nftnl_expr* masquerade = nftnl_expr_alloc("masq");
  // Random ports: two pods that leave with the same port at the same moment
  // would otherwise race for it, and one loses its packet.
  nftnl_expr_set_u32(masquerade, NFTNL_EXPR_MASQ_FLAGS,
                     NF_NAT_RANGE_PROTO_RANDOM_FULLY);
  nftnl_rule_add_expr(rule.get(), masquerade);
  batch.Add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
            [&](nlmsghdr* header) {
              nftnl_rule_nlmsg_build_payload(header, rule.get());
            });
}

}  // namespace

absl::Status InstallMasquerade(const std::string& table, const Cidr& cidr,
                               const std::optional<Cidr>& cluster) {
  Batch batch;
  // Add, delete, add: replaces the table whether or not it is there.
  AddTable(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, table);
  AddTable(batch, NFT_MSG_DELTABLE, 0, table);
  AddTable(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, table);
  AddChain(batch, table);
  AddRule(batch, table, cidr, cluster);
  return batch.Commit(absl::StrCat("install nftables table ", table));
}

absl::Status RemoveMasquerade(const std::string& table) {
  Batch batch;
  AddTable(batch, NFT_MSG_DELTABLE, 0, table);
  const absl::Status removed =
      batch.Commit(absl::StrCat("remove nftables table ", table));
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

}  // namespace cri::network
