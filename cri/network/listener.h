// SPDX-License-Identifier: Apache-2.0
// Which process of the node listens on a port, from the kernel's socket tables.
#ifndef CORACLE_CRI_NETWORK_LISTENER_H_
#define CORACLE_CRI_NETWORK_LISTENER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cri/network/cidr.h"
#include "cri/network/nat.h"

namespace cri::network {

struct Listener {
  Ip ip;              // as bound; 0.0.0.0 or :: for every address
  std::string owner;  // "sshd (pid 812)", or "a process of the node"
};

// A socket of the calling thread's network namespace that would get
// nothing any more if `forward` were in force: one bound to the same address,
// or to every address. One bound to a single address is left out of the way
// of a forward from every address (a resolver on 127.0.0.53, say).
absl::StatusOr<std::optional<Listener>> FindListener(const Forward& forward);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_LISTENER_H_
