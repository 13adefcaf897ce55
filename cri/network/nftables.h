// SPDX-License-Identifier: Apache-2.0
// nf_tables transactions over libnftnl: tables of family inet with chains,
// rules, sets and maps, as far as the pod network needs them.
#ifndef CORACLE_CRI_NETWORK_NFTABLES_H_
#define CORACLE_CRI_NETWORK_NFTABLES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cri/network/cidr.h"
#include "cri/network/netlink.h"

struct nftnl_expr;
struct nftnl_rule;
struct nlmsghdr;

namespace cri::network::nft {

// What a part of a key or of a value is. Parts stand in 4 byte slots.
enum class Type { kIpv4, kIpv6, kProtocol, kPort };

struct Set {
  std::string name;
  std::vector<Type> key;
  std::vector<Type> value;  // empty: a set, else a map
};

using Bytes = std::vector<uint8_t>;

// Parts of a key or value, one behind another.
void AppendIp(Bytes& bytes, Ip ip);
void AppendProtocol(Bytes& bytes, uint8_t protocol);
void AppendPort(Bytes& bytes, uint16_t port);

struct Element {
  Bytes key;
  Bytes value;
  friend auto operator<=>(const Element&, const Element&) = default;
};

enum class Side { kSource, kDestination };
enum class Hook { kPrerouting, kOutput, kPostrouting };
enum class Op { kIs, kIsNot };

// The expressions of one rule, in the order of the calls. Slots are the 4 byte
// registers from which a lookup takes its key and into which it puts the value.
class Rule {
 public:
  explicit Rule(std::string chain);

  Rule& For(Family family);  // packets of this family only
  Rule& In(Op op, const std::string& link);
  Rule& Out(Op op, const std::string& link);
  Rule& Address(Side side, Op op, const Cidr& cidr);
  Rule& Translated();          // the connection's destination was changed
  Rule& DestinationIsLocal();  // an address of the node
  // Loads into slots, for Lookup.
  Rule& LoadAddress(Side side, Family family, int slot);
  Rule& LoadProtocol(int slot);
  Rule& LoadDestinationPort(int slot);
  // The key stands from slot 0 on, and so will the value of a map.
  Rule& Lookup(const Set& set);
  // To address and port as a map's value holds them.
  void Dnat(Family family);
  void Masquerade(bool random_ports);
  void Drop();
  void Goto(const std::string& chain);

 private:
  friend class Batch;
  nftnl_expr* Add(const char* name);
  Rule& Compare(Op op, const void* data, size_t bytes);
  Rule& Load(uint32_t meta, int slot);
  Rule& Link(uint32_t meta, Op op, const std::string& link);
  void Verdict(int verdict, const std::string& chain);

  std::string chain_;
  std::shared_ptr<nftnl_rule> rule_;
};

// One transaction on one table: all of it happens or nothing.
class Batch {
 public:
  explicit Batch(std::string table);

  void AddTable();
  void DeleteTable();
  // Filter at the "raw" place (before connection tracking) or NAT; one without
  // a hook is only jumped to.
  void AddFilterChain(const std::string& name, Hook hook);
  void AddNatChain(const std::string& name, Hook hook);
  void AddChain(const std::string& name);
  void FlushChain(const std::string& name);
  void AddRule(const Rule& rule);
  void AddSet(const Set& set);
  // Elements that are there already: fine if they are the same.
  void AddElements(const Set& set, const std::vector<Element>& elements);
  // NOT_FOUND from Commit if one is missing.
  void DeleteElements(const Set& set, const std::vector<Element>& elements);
  void FlushSet(const Set& set);

  // Through a socket of NETLINK_NETFILTER, in its namespace. The first failure
  // of the kernel, after which the socket is of no more use.
  absl::Status Commit(Socket& socket, const std::string& what);

 private:
  void Append(uint16_t type, uint16_t flags,
              const std::function<void(nlmsghdr*)>& fill);
  void Hooked(const std::string& name, const char* type, Hook hook,
              int priority);
  void Elements(uint16_t type, const Set& set,
                const std::vector<Element>& elements);

  const std::string table_;
  std::vector<char> bytes_;
  uint32_t seq_ = 0;
  uint32_t sets_ = 0;
};

}  // namespace cri::network::nft

#endif  // CORACLE_CRI_NETWORK_NFTABLES_H_
