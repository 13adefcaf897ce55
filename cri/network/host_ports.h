// SPDX-License-Identifier: Apache-2.0
// HostPorts knows which pod holds which port of the node, refuses what is
// taken, and keeps the kernel's rules in step. Nothing of it is on disk:
// after a restart it is told the living pods again.
#ifndef CORACLE_CRI_NETWORK_HOST_PORTS_H_
#define CORACLE_CRI_NETWORK_HOST_PORTS_H_

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cri/network/cidr.h"
#include "cri/network/nat.h"
#include "cri/network/netlink.h"
#include "cri/network/pod_network.h"

namespace cri::network {

// The forwards of a pod with these addresses. INVALID_ARGUMENT names the port
// whose host IP no address of the pod fits.
absl::StatusOr<std::vector<Forward>> ForwardsOf(const PodNetwork& pod,
                                                const std::vector<Ip>& ips);

// FAILED_PRECONDITION names port and owner if a process of the node listens
// where one of these would take its traffic; of the pod only the address's
// family counts.
absl::Status CheckListeners(const std::vector<Forward>& forwards);

// Thread safe. Works in the network namespace of the thread that calls first.
class HostPorts {
 public:
  explicit HostPorts(std::string table) : table_(std::move(table)) {}

  // InstallNat with all ports that are held.
  absl::Status Install(const NatOptions& options)
      ABSL_LOCKS_EXCLUDED(committing_, mutex_);

  // Opens the pod's host ports; nothing for one that has none. Can be repeated.
  // FAILED_PRECONDITION names port and owner if another pod holds one and is
  // not expected to close it, or a process of the node listens on it;
  // UNIMPLEMENTED if the kernel cannot translate the protocol. NOT_FOUND if the
  // table is gone: the ports are held then, and Install brings them.
  absl::Status Open(const PodNetwork& pod, const std::vector<Ip>& ips)
      ABSL_LOCKS_EXCLUDED(committing_, mutex_);
  // Closes them and says which those were. They are free from then on.
  absl::StatusOr<std::vector<Forward>> Close(const std::string& sandbox_id)
      ABSL_LOCKS_EXCLUDED(committing_, mutex_);

  // Of this one the ports are to be closed soon: who wants one of them waits
  // until that was tried, or is put off.
  void Expect(const std::string& sandbox_id) ABSL_LOCKS_EXCLUDED(mutex_);
  void PutOff(const std::string& sandbox_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody waits any more: CANCELLED.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // After a restart: these pods, and nobody else, hold ports.
  absl::Status Restore(
      const std::vector<std::pair<PodNetwork, std::vector<Ip>>>& living)
      ABSL_LOCKS_EXCLUDED(committing_, mutex_);

 private:
  struct Claim {
    std::string owner;  // "namespace/name"
    std::vector<Forward> forwards;
  };
  // Runs `change` with the socket. One that failed is not used again.
  absl::Status Commit(const std::function<absl::Status(Socket&)>& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(committing_);
  // True if another pod had to be waited for.
  absl::StatusOr<bool> Hold(const PodNetwork& pod,
                            std::vector<Forward> forwards)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // A process of the node may have come for them while the pod waited.
  absl::Status CheckNodeAgain(const std::string& sandbox_id,
                              const std::vector<Forward>& forwards)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Forward>> CloseNow(const std::string& sandbox_id)
      ABSL_LOCKS_EXCLUDED(committing_, mutex_);
  // What another pod than that of `sandbox_id` has of these: who, and which; of
  // one that stays, if there is one.
  struct Taken {
    std::string owner, port;
    bool stays;  // it is not expected to close it
  };
  std::optional<Taken> FindTaken(const std::string& sandbox_id,
                                 const std::vector<Forward>& forwards) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::vector<Forward> All() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string table_;
  // One transaction at a time, so that none is made from what another one is
  // about to change; before mutex_.
  absl::Mutex committing_;
  std::optional<Socket> socket_ ABSL_GUARDED_BY(committing_);
  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::map<std::string, Claim> claims_ ABSL_GUARDED_BY(mutex_);  // by sandbox
  std::set<std::string> expected_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cri::network

#endif  // CORACLE_CRI_NETWORK_HOST_PORTS_H_
