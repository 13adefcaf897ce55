// SPDX-License-Identifier: Apache-2.0
// AddressPool gives each sandbox one address of each pod CIDR and keeps the
// leases as files, one per address, which outlive the daemon. A lease is on
// disk before the address is used and off the disk before it is free again.
#ifndef CORACLE_CRI_NETWORK_POOL_H_
#define CORACLE_CRI_NETWORK_POOL_H_

#include <map>
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

  // The ranges to give from. FAILED_PRECONDITION if a lease is outside.
  absl::Status SetCidrs(const std::vector<Cidr>& cidrs)
      ABSL_LOCKS_EXCLUDED(mutex_);

  struct Lease {
    std::vector<Ip> ips;  // in the order of the ranges
    bool fresh = false;   // false: the sandbox had some of it before
  };
  // All or nothing. RESOURCE_EXHAUSTED, with the CIDR, if no address is left.
  absl::StatusOr<Lease> Acquire(const std::string& sandbox_id)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the lease; its addresses stay unused until Reuse. Empty if there is
  // no lease.
  absl::StatusOr<std::vector<Ip>> Release(const std::string& sandbox_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody answers on `ips` any more.
  void Reuse(const std::vector<Ip>& ips) ABSL_LOCKS_EXCLUDED(mutex_);

  std::vector<Ip> Find(const std::string& sandbox_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::string> Sandboxes() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::string LeasePath(Ip ip) const;
  absl::Status LoadOne(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Ip> NextFree(const Cidr& cidr)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Adds to `lease` what it lacks; those addresses, of which no file tells yet.
  absl::StatusOr<std::vector<Ip>> Reserve(std::vector<Ip>& lease)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WriteLeases(const std::string& sandbox_id,
                           const std::vector<Ip>& ips) const;

  const std::string dir_, set_aside_;
  absl::Mutex mutex_;
  std::vector<Cidr> cidrs_ ABSL_GUARDED_BY(mutex_);
  // By sandbox.
  std::map<std::string, std::vector<Ip>> leases_ ABSL_GUARDED_BY(mutex_);
  std::set<Ip> taken_ ABSL_GUARDED_BY(mutex_);  // leased or not yet reusable
  std::map<Family, Ip> next_ ABSL_GUARDED_BY(mutex_);  // where a search begins
};

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_POOL_H_
