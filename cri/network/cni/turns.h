// SPDX-License-Identifier: Apache-2.0
// Who waits for whom, while a server cleans up after its predecessor and later.
// GC wants to be alone (CNI spec, section 3: no ADD or DEL beside it); a pod is
// not added before the DEL was tried of what stops and has its name or one of
// its host ports; if that failed, PortClaims refuses the port.
#ifndef CORACLE_CRI_NETWORK_CNI_TURNS_H_
#define CORACLE_CRI_NETWORK_CNI_TURNS_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cri/network/pod_network.h"

namespace cri::network::cni {

// Thread safe. Who waits names in its activity what it waits for.
class Turns {
 public:
  // After a start: GC is due, and so is the DEL of those that are stopping.
  void Begin(const std::vector<PodNetwork>& pods) ABSL_LOCKS_EXCLUDED(mutex_);
  // GC is due again; who has its turn already goes on.
  void BeginGc() ABSL_LOCKS_EXCLUDED(mutex_);
  void EndGc() ABSL_LOCKS_EXCLUDED(mutex_);
  // This one is being stopped: its DEL comes.
  void ExpectDel(const PodNetwork& pod) ABSL_LOCKS_EXCLUDED(mutex_);
  // The DEL of a sandbox was tried, whatever came of it, or is put off.
  void EndDel(const std::string& sandbox_id) ABSL_LOCKS_EXCLUDED(mutex_);

  // Return when an ADD of `pod`, or any DEL, may begin; CANCELLED after Stop.
  absl::Status AwaitAdd(const PodNetwork& pod) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status AwaitDel() ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // What keeps `pod`, or with null a DEL, from its turn; "" = nothing.
  std::string Blocker(const PodNetwork* pod) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Await(const PodNetwork* pod) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Mutex mutex_;
  absl::CondVar changed_;
  bool gc_due_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<PodNetwork> left_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_TURNS_H_
