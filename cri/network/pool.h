// SPDX-License-Identifier: Apache-2.0
// AddressPool gives each sandbox one address of the pod CIDR and keeps the
// leases as files, one per address, which outlive the daemon. A lease is on
// disk before the address is used and off the disk before it is free again.
#ifndef CORACLE_CRI_NETWORK_POOL_H_
#define CORACLE_CRI_NETWORK_POOL_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cri/network/cidr.h"

namespace cri::network {

// Thread safe. Addresses go round robin: one that was just freed comes last.
class AddressPool {
 public:
  // Leases are the files of `dir`; what is none goes to `set_aside`.
  AddressPool(std::string dir, std::string set_aside);

  // Reads the leases that are there. Unreadable ones are set aside with a log
  // line. Call once, before anything else.
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_);

  // The range to give from. FAILED_PRECONDITION if a lease is outside.
  absl::Status SetCidr(const Cidr& cidr) ABSL_LOCKS_EXCLUDED(mutex_);

  struct Lease {
    Ipv4 ip;
    bool fresh = false;  // false: the sandbox had it before
  };
  // RESOURCE_EXHAUSTED, with the CIDR, if no address is left.
  absl::StatusOr<Lease> Acquire(const std::string& sandbox_id)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the lease; the address stays unused until Reuse. Nothing if there is
  // no lease.
  absl::StatusOr<std::optional<Ipv4>> Release(const std::string& sandbox_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody answers on `ip` any more.
  void Reuse(Ipv4 ip) ABSL_LOCKS_EXCLUDED(mutex_);

  std::optional<Ipv4> Find(const std::string& sandbox_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::string> Sandboxes() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::string LeasePath(Ipv4 ip) const;
  absl::Status LoadOne(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Ipv4> NextFree() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string dir_, set_aside_;
  absl::Mutex mutex_;
  std::optional<Cidr> cidr_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Ipv4> leases_ ABSL_GUARDED_BY(mutex_);  // by sandbox
  std::set<Ipv4> taken_ ABSL_GUARDED_BY(mutex_);  // leased or not yet reusable
  Ipv4 next_ ABSL_GUARDED_BY(mutex_);             // where the search begins
};

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_POOL_H_
