// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/port_claims.h"

#include "absl/strings/str_cat.h"
#include "cri/network/nat.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

std::string Describe(const PortMapping& port) {
  return absl::StrCat(
      "host port ", port.host_port, "/", NameOf(port.protocol),
      port.host_ip.empty() ? "" : absl::StrCat(" on ", port.host_ip));
}

}  // namespace

absl::Status PortClaims::Check(const PodNetwork& pod) const {
  for (const auto& [sandbox_id, claim] : claims_) {
    if (sandbox_id == pod.sandbox_id) continue;
    for (const PortMapping& theirs : claim.ports) {
      for (const PortMapping& ours : pod.ports) {
        if (!Meet(theirs, ours)) continue;
        return absl::FailedPreconditionError(
            absl::StrCat(Describe(ours), " is held by pod ", claim.owner));
      }
    }
  }
  return absl::OkStatus();
}

void PortClaims::Record(const PodNetwork& pod) {
  claims_[pod.sandbox_id] = {absl::StrCat(pod.pod_namespace, "/", pod.name),
                             pod.ports};
}

absl::Status PortClaims::Hold(const PodNetwork& pod) {
  if (pod.ports.empty()) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Check(pod));
  Record(pod);
  return absl::OkStatus();
}

void PortClaims::Free(const std::string& sandbox_id) {
  absl::MutexLock lock(&mutex_);
  claims_.erase(sandbox_id);
}

void PortClaims::Restore(const std::vector<PodNetwork>& pods) {
  absl::MutexLock lock(&mutex_);
  for (const PodNetwork& pod : pods) {
    if (pod.ports.empty()) continue;
    const absl::Status alone = Check(pod);
    if (!alone.ok()) {
      runtime::log::Warning("cni: pod ", pod.pod_namespace, "/", pod.name, ": ",
                            alone.message());
    }
    Record(pod);
  }
}

}  // namespace cri::network::cni
