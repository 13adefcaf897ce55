// SPDX-License-Identifier: Apache-2.0
// Network gives a sandbox its addresses: the built-in bridge by netlink in
// process, or standard CNI behind the same interface. Thread safe; blocks. "The
// node" is the network namespace of the calling thread: call always from the
// same one.
#ifndef CORACLE_CRI_NETWORK_NETWORK_H_
#define CORACLE_CRI_NETWORK_NETWORK_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/pod_network.h"

namespace cri::network {

struct NetworkOptions {
  std::string state_dir;            // leases live in <state_dir>/network
  std::string bridge = "coracle0";  // ≤ 15 characters
  std::string pod_cidr;             // may be empty: not ready until known
  bool masquerade = true;           // source NAT for what leaves the pod CIDR
  std::string cluster_cidr;         // and this, if given: pods of other nodes
  int mtu = 0;                      // 0 = of the default route's link
};

struct Readiness {
  bool ready = false;
  // CRI NetworkReady condition; if ready, the message is what fails all the
  // same.
  std::string reason, message;
  friend bool operator==(const Readiness&, const Readiness&) = default;
};

class Network {
 public:
  // Told of a readiness that differs from the one before, from any thread and
  // without a lock held; must return quickly.
  using Listener = std::function<void(const Readiness&)>;

  virtual ~Network() = default;

  virtual Readiness Ready() = 0;
  // At most one, set before the network is used by several threads.
  virtual void SetListener(Listener listener) = 0;
  // From UpdateRuntimeConfig or configuration ("10.244.1.0/24"); sets bridge,
  // routes and rules up. Idempotent; a changed CIDR with pods running is
  // refused (FAILED_PRECONDITION).
  virtual absl::Status SetPodCidr(const std::string& cidr) = 0;

  // Connects the namespace: `lo` and `eth0` up, addresses, default routes, host
  // ports. All or nothing. A repeated call for the same sandbox returns the
  // same addresses.
  virtual absl::StatusOr<PodAddresses> Setup(const PodNetwork& pod) = 0;
  // Only `lo` up: for namespaces that get no pod network.
  virtual absl::Status SetupLoopback(int netns_fd) = 0;
  // Frees addresses, links and host ports. Unknown: OK. Called before the
  // namespace is given up, but that may be gone already (netns_fd -1). Of `pod`
  // only the sandbox ID is certain: after a crash in the middle of a Setup
  // nobody else knows more of it.
  virtual absl::Status Teardown(const PodNetwork& pod) = 0;
  // Whether what Setup made for a sandbox is still there, and if not what is
  // missing. Takes seconds at most. Nothing where nobody can tell.
  virtual std::optional<absl::Status> Check(const std::string& /*sandbox_id*/) {
    return std::nullopt;
  }
  // After a restart, before any Setup or Teardown: frees what belongs to none
  // of the `living` sandboxes and knows the others' host ports again. The
  // namespaces of `living` are not open. Asks nothing of other programs: what
  // takes some to be freed is left for the caller to Teardown, after Collect;
  // the IDs of those sandboxes are returned. A Setup may wait until that, or
  // the Teardown of a living one that is `stopping`, was tried.
  virtual std::vector<std::string> Recover(
      const std::vector<PodNetwork>& living) = 0;
  // The stop of this one has begun, and its Teardown comes: a Setup that wants
  // one of its host ports waits until that was tried.
  virtual void Expect(const PodNetwork& /*pod*/) {}
  // The Teardown of one that is `stopping` or expected does not come soon:
  // nobody waits for it any more. Nothing if it was tried already.
  virtual void PutOff(const std::string& /*sandbox_id*/) {}
  // Once after Recover; may take minutes: frees what nobody has a record of.
  // Whoever calls Setup or Teardown meanwhile waits as long as it has to.
  virtual void Collect() {}
  // Ends soon what is under way or waits, with CANCELLED, and lets nothing else
  // begin. What was not done is found by the next Recover.
  virtual void Stop() {}
};

std::unique_ptr<Network> MakeBridgeNetwork(const NetworkOptions& options);

// Removes bridge, rules and leases: for `quickstart down` and tests.
absl::Status RemoveBridgeNetwork(const NetworkOptions& options);

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_NETWORK_H_
