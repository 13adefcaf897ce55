// SPDX-License-Identifier: Apache-2.0
#include "cri/network/loopback_guard.h"

#include <linux/netlink.h>

#include "absl/strings/str_cat.h"
#include "cri/network/cidr.h"
#include "cri/network/nat.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

// No bridge's name is as long, so it is no table of a built-in network.
constexpr char kTable[] = "coracle-cni-localnet-guard";
constexpr char kChain[] = "guard";
constexpr char kLoopback[] = "lo";

}  // namespace

// Before connection tracking: answers to the node's own connections are not
// translated back yet at this place.
void AddLoopbackGuard(nft::Batch& batch) {
  batch.AddFilterChain(kChain, nft::Hook::kPrerouting);
  batch.FlushChain(kChain);
  for (const nft::Side side : {nft::Side::kDestination, nft::Side::kSource}) {
    nft::Rule rule(kChain);
    rule.For(Family::kV4)
        .In(nft::Op::kIsNot, kLoopback)
        .Address(side, nft::Op::kIs, LoopbackOf(Family::kV4))
        .Drop();
    batch.AddRule(rule);
  }
}

absl::Status LoopbackGuard::Install() {
  nft::Batch batch(kTable);
  batch.AddTable();
  AddLoopbackGuard(batch);
  absl::MutexLock lock(&mutex_);
  if (!socket_.has_value()) {
    ASSIGN_OR_RETURN(socket_, Socket::Open(NETLINK_NETFILTER));
  }
  const absl::Status installed =
      batch.Commit(*socket_, absl::StrCat("install nftables table ", kTable));
  if (!installed.ok()) socket_.reset();  // it is of no more use
  return installed;
}

absl::Status RemoveLoopbackGuard() {
  ASSIGN_OR_RETURN(Socket socket, Socket::Open(NETLINK_NETFILTER));
  return RemoveNat(socket, kTable);
}

}  // namespace cri::network
