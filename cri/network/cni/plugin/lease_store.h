// SPDX-License-Identifier: Apache-2.0
// host-local's leases on disk, in the plugin's own format and under its lock,
// so that both can work on one directory at the same time:
//
//   <data dir>/<network>/<ip>                  "<container>\r\n<interface>"
//   <data dir>/<network>/last_reserved_ip.<n>  of range set n
//   <data dir>/<network>/lock                  flock
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_LEASE_STORE_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_LEASE_STORE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/cni/spec/address.h"
#include "cri/network/cni/spec/call.h"
#include "runtime/base/unique_fd.h"

namespace cri::network::cni {

// Holds the lock from Open to its end. Not thread safe; short-lived.
class LeaseStore {
 public:
  // `data_dir` "" is /var/lib/cni/networks. Waits while others have the lock;
  // DEADLINE_EXCEEDED if they still do at the deadline of the call for which it
  // is opened, CANCELLED if that is stopped.
  static absl::StatusOr<LeaseStore> Open(const std::string& data_dir,
                                         const std::string& network,
                                         const Call& call);

  // Whether leases can be written.
  absl::Status CheckWritable() const;

  struct Owner {
    std::string container, interface;
  };

  // False if `ip` is somebody's already. A crash leaves no file, or a whole
  // one; a power loss perhaps an empty one, which is nobody's.
  absl::StatusOr<bool> Reserve(const Owner& owner, const Ip& ip, size_t set);
  std::optional<Ip> LastReserved(size_t set) const;
  absl::StatusOr<std::vector<Ip>> Find(const Owner& owner) const;
  absl::Status Release(const Owner& owner);
  // Releases what `keep` does not want.
  absl::Status Sweep(const std::function<bool(const Owner&)>& keep);

 private:
  struct Lease {
    Ip ip;
    std::string path;
    Owner owner;  // interface "": written by an old plugin
  };

  explicit LeaseStore(std::string dir) : dir_(std::move(dir)) {}
  absl::StatusOr<std::vector<Lease>> List() const;

  std::string dir_;
  runtime::UniqueFd lock_;
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_LEASE_STORE_H_
