// SPDX-License-Identifier: Apache-2.0
// Reading and changing the nat tables by nfnetlink.
#include <stdio.h>  // libnftnl's headers lack it

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>
#include <linux/netlink.h>
#include <openssl/sha.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cri/network/cni/plugin/iptables.h"
#include "cri/network/netlink.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::network::cni {

std::string TextOf(const nftnl_rule* rule);

namespace {

constexpr char kTable[] = "nat";
constexpr size_t kMaxMessage = 4096;  // of one request: a rule is the largest
constexpr size_t kChainName = 28;     // as long as iptables takes them

ABSL_CONST_INIT absl::Mutex change_mutex(absl::kConstInit);

using TablePtr = std::unique_ptr<nftnl_table, decltype(&nftnl_table_free)>;
using ChainPtr = std::unique_ptr<nftnl_chain, decltype(&nftnl_chain_free)>;
using RulePtr = std::unique_ptr<nftnl_rule, decltype(&nftnl_rule_free)>;

struct Hook {
  const char* chain;
  uint32_t number;
  int32_t priority;
  const char* type = "nat";
  bool bridged = false;
};
constexpr Hook kHooks[] = {
    {"PREROUTING", NF_INET_PRE_ROUTING, -100},
    {"OUTPUT", NF_INET_LOCAL_OUT, -100},
    {"POSTROUTING", NF_INET_POST_ROUTING, 100},
    {"PREROUTING", NF_BR_PRE_ROUTING, -300, "filter", true}};

ChainPtr MakeChain(const std::string& name) {
  ChainPtr chain(nftnl_chain_alloc(), nftnl_chain_free);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, kTable);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str());
  return chain;
}

RulePtr MakeRule(const std::string& chain) {
  RulePtr rule(nftnl_rule_alloc(), nftnl_rule_free);
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, kTable);
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.c_str());
  return rule;
}

std::string JumpOf(nftnl_rule* rule) {
  std::string jump;
  const auto look = [](nftnl_expr* expr, void* to) {
    if (absl::string_view(nftnl_expr_get_str(expr, NFTNL_EXPR_NAME)) ==
            "immediate" &&
        nftnl_expr_is_set(expr, NFTNL_EXPR_IMM_CHAIN)) {
      *static_cast<std::string*>(to) =
          nftnl_expr_get_str(expr, NFTNL_EXPR_IMM_CHAIN);
    }
    return 0;
  };
  nftnl_expr_foreach(rule, look, &jump);
  return jump;
}

// A request for nf_tables outside a batch: its payload is built by `fill`.
std::vector<char> Request(uint16_t type, uint16_t family, uint16_t flags,
                          const std::function<void(nlmsghdr*)>& fill) {
  std::vector<char> buffer(kMaxMessage);
  nlmsghdr* header =
      nftnl_nlmsg_build_hdr(buffer.data(), type, family, flags | NLM_F_ACK, 1);
  fill(header);
  buffer.resize(header->nlmsg_len);
  return buffer;
}

}  // namespace

absl::Status CanUseIptables() {
  for (const char* path :
       {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"}) {
    const auto names = runtime::ReadFile(path, 4096);
    if (!names.ok()) continue;  // no such module: nothing of it is in use
    for (const absl::string_view name : absl::StrSplit(*names, '\n')) {
      if (name != kTable) continue;
      return absl::FailedPreconditionError(
          "this node has its NAT in the tables of iptables-legacy");
    }
  }
  return absl::OkStatus();
}

std::string ChainName(const std::string& prefix, const std::string& network,
                      const std::string& container) {
  const std::string text = network + container;
  uint8_t hash[SHA512_DIGEST_LENGTH];
  SHA512(reinterpret_cast<const uint8_t*>(text.data()), text.size(), hash);
  return absl::StrCat("CNI-", prefix,
                      absl::BytesToHexString(absl::string_view(
                          reinterpret_cast<const char*>(hash), sizeof hash)))
      .substr(0, kChainName);
}

NatChange::NatChange(Packets packets)
    : lock_(&change_mutex), packets_(packets) {
  batch_.resize(kMaxMessage);
  const auto* header = reinterpret_cast<const nlmsghdr*>(batch_.data());
  nftnl_batch_begin(batch_.data(), ++seq_);
  batch_.resize(MNL_ALIGN(header->nlmsg_len));
}

NatChange::~NatChange() = default;

uint16_t NatChange::family() const {
  if (packets_ == Packets::kBridged) return NFPROTO_BRIDGE;
  return v6() ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

void NatChange::Add(uint16_t type, uint16_t flags,
                    const std::function<void(nlmsghdr*)>& fill) {
  const size_t begin = batch_.size();
  batch_.resize(begin + kMaxMessage);
  nlmsghdr* header = nftnl_nlmsg_build_hdr(batch_.data() + begin, type,
                                           family(), flags | NLM_F_ACK, ++seq_);
  fill(header);
  batch_.resize(begin + MNL_ALIGN(header->nlmsg_len));
}

absl::StatusOr<bool> NatChange::HasChain(const std::string& name) {
  const ChainPtr chain = MakeChain(name);
  const std::vector<char> request =
      Request(NFT_MSG_GETCHAIN, family(), 0, [&](nlmsghdr* header) {
        nftnl_chain_nlmsg_build_payload(header, chain.get());
      });
  ASSIGN_OR_RETURN(Socket socket, Socket::Open(NETLINK_NETFILTER));
  const absl::Status asked =
      socket.QueryRaw(request, absl::StrCat("find chain ", name), nullptr);
  if (absl::IsNotFound(asked)) return false;
  RETURN_IF_ERROR(asked);
  return true;
}

absl::StatusOr<std::vector<ExistingRule>> NatChange::Rules(
    const std::string& chain) {
  std::vector<ExistingRule> rules;
  const RulePtr filter = MakeRule(chain);
  const std::vector<char> request =
      Request(NFT_MSG_GETRULE, family(), NLM_F_DUMP, [&](nlmsghdr* header) {
        nftnl_rule_nlmsg_build_payload(header, filter.get());
      });
  ASSIGN_OR_RETURN(Socket socket, Socket::Open(NETLINK_NETFILTER));
  RETURN_IF_ERROR(socket.DumpRaw(
      request, absl::StrCat("list rules of chain ", chain),
      [&] { rules.clear(); },
      [&](const nlmsghdr* reply) {
        const RulePtr rule(nftnl_rule_alloc(), nftnl_rule_free);
        if (nftnl_rule_nlmsg_parse(reply, rule.get()) != 0) return;
        // Kernels that do not filter tell all rules.
        if (absl::string_view(
                nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN)) != chain ||
            absl::string_view(
                nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE)) != kTable) {
          return;
        }
        rules.push_back({nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE),
                         JumpOf(rule.get()), TextOf(rule.get())});
      }));
  return rules;
}

void NatChange::EnsureChain(const std::string& name) {
  if (!table_) {
    TablePtr table(nftnl_table_alloc(), nftnl_table_free);
    nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, kTable);
    nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, family());
    Add(NFT_MSG_NEWTABLE, NLM_F_CREATE, [&](nlmsghdr* header) {
      nftnl_table_nlmsg_build_payload(header, table.get());
    });
    table_ = true;
  }
  const ChainPtr chain = MakeChain(name);
  for (const Hook& hook : kHooks) {
    const bool bridged = packets_ == Packets::kBridged;
    if (name != hook.chain || hook.bridged != bridged) continue;
    nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, hook.type);
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, hook.number);
    nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, hook.priority);
  }
  Add(NFT_MSG_NEWCHAIN, NLM_F_CREATE, [&](nlmsghdr* header) {
    nftnl_chain_nlmsg_build_payload(header, chain.get());
  });
}

void NatChange::AddRule(const std::string& chain, nftnl_rule* rule,
                        bool append) {
  nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, kTable);
  nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain.c_str());
  nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, family());
  Add(NFT_MSG_NEWRULE, NLM_F_CREATE | (append ? NLM_F_APPEND : 0),
      [&](nlmsghdr* header) { nftnl_rule_nlmsg_build_payload(header, rule); });
}

void NatChange::Append(const std::string& chain, const NatRule& rule) {
  AddRule(chain, rule.get(), true);
}

void NatChange::Append(const std::string& chain, nftnl_rule* rule) {
  AddRule(chain, rule, true);
}

void NatChange::Prepend(const std::string& chain, const NatRule& rule) {
  AddRule(chain, rule.get(), false);
}

namespace {

bool HasEqual(const std::vector<ExistingRule>& rules, const NatRule& rule) {
  const std::string text = TextOf(rule);
  return std::any_of(
      rules.begin(), rules.end(),
      [&](const ExistingRule& existing) { return existing.text == text; });
}

}  // namespace

absl::Status NatChange::AppendUnique(const std::string& chain,
                                     const NatRule& rule) {
  ASSIGN_OR_RETURN(const std::vector<ExistingRule> rules, Rules(chain));
  if (!HasEqual(rules, rule)) Append(chain, rule);
  return absl::OkStatus();
}

absl::Status NatChange::PrependUnique(const std::string& chain,
                                      const NatRule& rule) {
  ASSIGN_OR_RETURN(const std::vector<ExistingRule> rules, Rules(chain));
  if (!HasEqual(rules, rule)) Prepend(chain, rule);
  return absl::OkStatus();
}

absl::Status NatChange::DeleteJumps(const std::string& chain,
                                    const std::string& target) {
  ASSIGN_OR_RETURN(const std::vector<ExistingRule> rules, Rules(chain));
  for (const ExistingRule& existing : rules) {
    if (existing.jump != target) continue;
    const RulePtr rule = MakeRule(chain);
    nftnl_rule_set_u64(rule.get(), NFTNL_RULE_HANDLE, existing.handle);
    Add(NFT_MSG_DELRULE, 0, [&](nlmsghdr* header) {
      nftnl_rule_nlmsg_build_payload(header, rule.get());
    });
  }
  return absl::OkStatus();
}

void NatChange::Flush(const std::string& chain) {
  const RulePtr all = MakeRule(chain);
  Add(NFT_MSG_DELRULE, 0, [&](nlmsghdr* header) {
    nftnl_rule_nlmsg_build_payload(header, all.get());
  });
}

void NatChange::DeleteChain(const std::string& name) {
  const ChainPtr chain = MakeChain(name);
  Add(NFT_MSG_DELCHAIN, 0, [&](nlmsghdr* header) {
    nftnl_chain_nlmsg_build_payload(header, chain.get());
  });
}

absl::Status NatChange::Commit(const std::string& what) {
  const uint32_t last = seq_;
  if (last == 1) return absl::OkStatus();  // no change
  const size_t begin = batch_.size();
  batch_.resize(begin + kMaxMessage);
  nftnl_batch_end(batch_.data() + begin, ++seq_);
  batch_.resize(
      begin +
      MNL_ALIGN(
          reinterpret_cast<const nlmsghdr*>(batch_.data() + begin)->nlmsg_len));
  ASSIGN_OR_RETURN(Socket socket, Socket::Open(NETLINK_NETFILTER));
  return socket.RunBatch(batch_, last, what);
}

}  // namespace cri::network::cni
