// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/turns.h"

#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cri/network/cni/port_claims.h"
#include "runtime/base/activity.h"
#include "runtime/base/json.h"

namespace cri::network::cni {
namespace {

Protocol ProtocolOf(const std::string& name) {
  if (name == "udp") return Protocol::kUdp;
  return name == "sctp" ? Protocol::kSctp : Protocol::kTcp;
}

}  // namespace

Turns::Left Turns::LeftOf(const Attachment& attachment) {
  Left left;
  left.sandbox_id = attachment.container_id;
  std::string pod_namespace, name;
  for (const auto& [key, value] : attachment.args) {
    if (key == "K8S_POD_NAMESPACE") pod_namespace = value;
    if (key == "K8S_POD_NAME") name = value;
  }
  left.pod = absl::StrCat(pod_namespace, "/", name);
  for (const runtime::Json& entry :
       runtime::ArrayAt(attachment.capabilities, "portMappings")) {
    PortMapping port;
    port.protocol = ProtocolOf(runtime::StringAt(entry, "protocol"));
    port.host_port = static_cast<uint16_t>(runtime::IntAt(entry, "hostPort"));
    port.host_ip = runtime::StringAt(entry, "hostIP");
    left.ports.push_back(std::move(port));
  }
  return left;
}

void Turns::Begin(const std::vector<Attachment>& left) {
  absl::MutexLock lock(&mutex_);
  gc_due_ = true;
  for (const Attachment& attachment : left) {
    left_.push_back(LeftOf(attachment));
  }
}

void Turns::EndGc() {
  absl::MutexLock lock(&mutex_);
  gc_due_ = false;
  changed_.SignalAll();
}

void Turns::EndDel(const std::string& sandbox_id) {
  absl::MutexLock lock(&mutex_);
  std::erase_if(
      left_, [&](const Left& left) { return left.sandbox_id == sandbox_id; });
  changed_.SignalAll();
}

std::string Turns::Blocker(const PodNetwork* pod) const {
  if (gc_due_) return "the garbage collection (GC) after the start";
  if (pod == nullptr) return "";
  const std::string name = absl::StrCat(pod->pod_namespace, "/", pod->name);
  for (const Left& left : left_) {
    if (left.sandbox_id == pod->sandbox_id) continue;
    const std::string what = absl::StrCat(
        "the DEL of sandbox ", left.sandbox_id, ", left from before the start");
    if (left.pod == name) return absl::StrCat(what, ": it is of the same pod");
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
