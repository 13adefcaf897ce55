// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/spoof_check.h"

#include <stdio.h>  // libnftnl's headers lack it

#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cri/network/cni/plugin/iptables.h"
#include "cri/network/cni/spec/address.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr char kPrerouting[] = "PREROUTING";

std::string IdOf(const Call& call) {
  return absl::StrCat(call.container_id, "-", call.ifname);
}

std::string PortChain(const Call& call) {
  return absl::StrCat("cni-br-iface-", IdOf(call));
}

std::string MacChain(const Call& call) {
  return absl::StrCat(PortChain(call), "-mac");
}

// A rule as nft makes it, whose comment tells whose it is.
class Rule {
 public:
  explicit Rule(const Call& call) : rule_(nftnl_rule_alloc()) {
    const std::unique_ptr<nftnl_udata_buf, decltype(&nftnl_udata_buf_free)>
        data(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN), nftnl_udata_buf_free);
    nftnl_udata_put_strz(data.get(), NFTNL_UDATA_RULE_COMMENT,
                         absl::StrCat("macspoofchk-", IdOf(call)).c_str());
    nftnl_rule_set_data(get(), NFTNL_RULE_USERDATA,
                        nftnl_udata_buf_data(data.get()),
                        nftnl_udata_buf_len(data.get()));
  }

  Rule& From(const std::string& port) {
    nftnl_expr* load = Add("meta");
    nftnl_expr_set_u32(load, NFTNL_EXPR_META_KEY, NFT_META_IIFNAME);
    nftnl_expr_set_u32(load, NFTNL_EXPR_META_DREG, NFT_REG_1);
    std::vector<uint8_t> name(port.begin(), port.end());
    name.resize(IFNAMSIZ);  // the name with its end, no more and no less
    return Equals(name);
  }
  Rule& Mac(const std::vector<uint8_t>& mac) {
    nftnl_expr* load = Add("payload");
    nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
    nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_LL_HEADER);
    nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_OFFSET,
                       offsetof(ethhdr, h_source));
    nftnl_expr_set_u32(load, NFTNL_EXPR_PAYLOAD_LEN, ETH_ALEN);
    return Equals(mac);
  }
  Rule& Verdict(int code, const std::string& chain = "") {
    nftnl_expr* verdict = Add("immediate");
    nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_VERDICT,
                       static_cast<uint32_t>(code));
    if (!chain.empty()) {
      nftnl_expr_set_str(verdict, NFTNL_EXPR_IMM_CHAIN, chain.c_str());
    }
    return *this;
  }
  nftnl_rule* get() const { return rule_.get(); }

 private:
  nftnl_expr* Add(const char* name) {
    nftnl_expr* expr = nftnl_expr_alloc(name);
    nftnl_rule_add_expr(get(), expr);
    return expr;
  }
  Rule& Equals(absl::Span<const uint8_t> data) {
    nftnl_expr* compare = Add("cmp");
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
    nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, data.data(),
                   static_cast<uint32_t>(data.size()));
    return *this;
  }

  struct Free {
    void operator()(nftnl_rule* rule) const { nftnl_rule_free(rule); }
  };
  std::unique_ptr<nftnl_rule, Free> rule_;
};

}  // namespace

absl::Status AddSpoofCheck(const Call& call, const std::string& port,
                           const std::string& mac) {
  ASSIGN_OR_RETURN(const std::vector<uint8_t> address, ParseMac(mac));
  const std::string port_chain = PortChain(call), mac_chain = MacChain(call);
  NatChange change(Packets::kBridged);
  change.EnsureChain(kPrerouting);
  change.EnsureChain(port_chain);
  change.EnsureChain(mac_chain);
  // What an interrupted call left is replaced.
  RETURN_IF_ERROR(change.DeleteJumps(kPrerouting, port_chain));
  change.Flush(port_chain);
  change.Flush(mac_chain);
  change.Append(kPrerouting,
                Rule(call).From(port).Verdict(NFT_JUMP, port_chain).get());
  change.Append(port_chain, Rule(call).Verdict(NFT_JUMP, mac_chain).get());
  change.Append(mac_chain, Rule(call).Mac(address).Verdict(NFT_RETURN).get());
  change.Append(mac_chain, Rule(call).Verdict(NF_DROP).get());
  return change.Commit(
      absl::StrCat("add chain ", port_chain, " of table nat of bridges"));
}

absl::Status RemoveSpoofCheck(const Call& call) {
  const std::string port_chain = PortChain(call);
  NatChange change(Packets::kBridged);
  ASSIGN_OR_RETURN(const bool there, change.HasChain(port_chain));
  if (!there) return absl::OkStatus();
  RETURN_IF_ERROR(change.DeleteJumps(kPrerouting, port_chain));
  // Both are made and go together.
  for (const std::string& chain : {port_chain, MacChain(call)}) {
    change.Flush(chain);
    change.DeleteChain(chain);
  }
  return change.Commit(
      absl::StrCat("remove chain ", port_chain, " of table nat of bridges"));
}

}  // namespace cri::network::cni
