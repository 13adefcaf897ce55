// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/turns.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/base/activity.h"

namespace cri::network::cni {

void Turns::Begin(const std::vector<PodNetwork>& pods) {
  absl::MutexLock lock(&mutex_);
  gc_due_ = true;
  std::copy_if(pods.begin(), pods.end(), std::back_inserter(left_),
               [](const PodNetwork& pod) { return pod.stopping; });
}

void Turns::BeginGc() {
  absl::MutexLock lock(&mutex_);
  gc_due_ = true;
}

void Turns::EndGc() {
  absl::MutexLock lock(&mutex_);
  gc_due_ = false;
  changed_.SignalAll();
}

void Turns::ExpectDel(const PodNetwork& pod) {
  absl::MutexLock lock(&mutex_);
  left_.push_back(pod);
}

void Turns::EndDel(const std::string& sandbox_id) {
  absl::MutexLock lock(&mutex_);
  std::erase_if(left_, [&](const PodNetwork& left) {
    return left.sandbox_id == sandbox_id;
  });
  changed_.SignalAll();
}

std::string Turns::Blocker(const PodNetwork* pod) const {
  if (gc_due_) return "the garbage collection (GC) after the start";
  if (pod == nullptr) return "";
  for (const PodNetwork& left : left_) {
    if (left.sandbox_id == pod->sandbox_id) continue;
    const std::string what = absl::StrCat(
        "the DEL of sandbox ", left.sandbox_id, ", which is being stopped");
    if (left.name == pod->name && left.pod_namespace == pod->pod_namespace) {
      return absl::StrCat(what, ": it is of the same pod");
    }
    for (const PortMapping& theirs : left.ports) {
      for (const PortMapping& ours : pod->ports) {
        if (!Meet(theirs, ours)) continue;
        return absl::StrCat(what, ": it has host port ", ours.host_port);
      }
    }
  }
  return "";
}

absl::Status Turns::Await(const PodNetwork* pod) {
  absl::MutexLock lock(&mutex_);
  std::optional<runtime::activity::Step> step;
  while (!stopped_) {
    const std::string blocker = Blocker(pod);
    if (blocker.empty()) return absl::OkStatus();
    const std::string text = absl::StrCat("network: waits for ", blocker);
    if (step.has_value()) {
      step->Update(text);
    } else {
      step.emplace(text);
    }
    changed_.Wait(&mutex_);
  }
  return absl::CancelledError("the server ends: no more is asked of plugins");
}

absl::Status Turns::AwaitAdd(const PodNetwork& pod) { return Await(&pod); }

absl::Status Turns::AwaitDel() { return Await(nullptr); }

void Turns::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  changed_.SignalAll();
}

}  // namespace cri::network::cni
