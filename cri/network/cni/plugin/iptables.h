// SPDX-License-Identifier: Apache-2.0
// Rules in the `nat` tables of iptables-nft, written to nf_tables directly in
// the form in which iptables-nft writes them: what either makes, the other
// lists and deletes. Needs nf_tables with nft_compat, as iptables-nft does.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_IPTABLES_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_IPTABLES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "cri/network/cni/spec/address.h"

struct nftnl_expr;
struct nftnl_rule;
struct nlmsghdr;

namespace cri::network::cni {

// FAILED_PRECONDITION if this node has its NAT in the tables of
// iptables-legacy.
absl::Status CanUseIptables();

// "CNI-" + prefix + a hash of network and container: the plugins' chain names.
std::string ChainName(const std::string& prefix, const std::string& network,
                      const std::string& container);

// One rule, in the words of iptables. Matches come in the order of their calls,
// one target at the end. Move-only.
class NatRule {
 public:
  explicit NatRule(bool v6);

  NatRule& Protocol(uint8_t protocol);                          // -p
  NatRule& Source(const IpNet& net, bool negate = false);       // [!] -s
  NatRule& Destination(const IpNet& net, bool negate = false);  // [!] -d
  NatRule& Port(uint8_t protocol, uint16_t port);               // --dport
  NatRule& Ports(absl::Span<const uint16_t> ports);  // -m multiport, up to 15
  NatRule& Comment(const std::string& text);         // -m comment
  NatRule& ToLocal();                                // -m addrtype LOCAL
  NatRule& Marked(uint32_t bit);                     // -m mark

  NatRule& Jump(const std::string& chain);
  NatRule& Accept();
  NatRule& Masquerade();
  NatRule& DnatTo(const Ip& ip, uint16_t port);
  NatRule& SetMark(uint32_t bit);  // MARK --set-xmark

  nftnl_rule* get() const { return rule_.get(); }

 private:
  struct Free {
    void operator()(nftnl_rule* rule) const;
  };
  void MatchAddress(const IpNet& net, uint32_t offset, bool negate);
  void Compare(uint32_t op, absl::Span<const uint8_t> data);
  void Match(const char* name, uint32_t revision, const void* info,
             size_t size);
  void Target(const char* name, uint32_t revision, const void* info,
              size_t size);
  void Verdict(int code, const std::string& chain);
  void Count();

  const bool v6_;
  std::unique_ptr<nftnl_rule, Free> rule_;
};

// What a rule in the kernel is.
struct ExistingRule {
  uint64_t handle = 0;
  std::string jump;  // the chain it jumps to, or ""
  std::string text;  // equal for equal rules, whatever they counted
};
// The same text for a rule that is not there yet.
std::string TextOf(const NatRule& rule);

// Whose table `nat` it is. That of bridges is no table of iptables.
enum class Packets { kIpv4, kIpv6, kBridged };

// One change of `nat` of a family: all of it happens at Commit or nothing. Only
// one at a time exists in this process, so that what it read stays true.
class NatChange {
 public:
  explicit NatChange(Packets packets);
  explicit NatChange(bool v6)
      : NatChange(v6 ? Packets::kIpv6 : Packets::kIpv4) {}
  ~NatChange();
  NatChange(const NatChange&) = delete;
  NatChange& operator=(const NatChange&) = delete;

  bool v6() const { return packets_ == Packets::kIpv6; }
  // Rules of a chain as they were before the change; none if it is missing.
  absl::StatusOr<std::vector<ExistingRule>> Rules(const std::string& chain);
  absl::StatusOr<bool> HasChain(const std::string& chain);

  // The chain, and the table, if they are missing. PREROUTING, OUTPUT and
  // POSTROUTING get their hooks; of bridges' only PREROUTING has one, to
  // filter.
  void EnsureChain(const std::string& chain);
  void Append(const std::string& chain, const NatRule& rule);
  void Append(const std::string& chain, nftnl_rule* rule);
  void Prepend(const std::string& chain, const NatRule& rule);
  // Append or Prepend unless there is an equal one.
  absl::Status AppendUnique(const std::string& chain, const NatRule& rule);
  absl::Status PrependUnique(const std::string& chain, const NatRule& rule);
  // Deletes the rules in `chain` that jump to `target`.
  absl::Status DeleteJumps(const std::string& chain, const std::string& target);
  void Flush(const std::string& chain);
  void DeleteChain(const std::string& chain);

  absl::Status Commit(const std::string& what);

 private:
  void AddRule(const std::string& chain, nftnl_rule* rule, bool append);
  void Add(uint16_t type, uint16_t flags,
           const std::function<void(nlmsghdr*)>& fill);
  uint16_t family() const;

  absl::MutexLock lock_;
  const Packets packets_;
  bool table_ = false;  // this change has made sure of it
  uint32_t seq_ = 0;
  std::vector<char> batch_;
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_IPTABLES_H_
