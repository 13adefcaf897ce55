// SPDX-License-Identifier: Apache-2.0
#include "cri/network/host_ports.h"

#include <linux/netlink.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "cri/network/conntrack.h"
#include "cri/network/listener.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

// There with the kernel's SCTP connection tracking, once that is in use.
constexpr char kSctpTracking[] =
    "/proc/sys/net/netfilter/nf_conntrack_sctp_timeout_established";

std::string Describe(Protocol protocol, uint16_t port,
                     const std::optional<Ip>& ip) {
  return absl::StrCat(
      "host port ", port, "/", NameOf(protocol),
      ip.has_value() ? absl::StrCat(" on ", ip->ToString()) : "");
}

std::string Describe(const Forward& forward) {
  return Describe(forward.protocol, forward.host_port, forward.host_ip);
}

bool Collide(const Forward& a, const Forward& b) {
  return a.protocol == b.protocol && a.host_port == b.host_port &&
         a.pod_ip.family == b.pod_ip.family &&
         (!a.host_ip.has_value() || !b.host_ip.has_value() ||
          a.host_ip == b.host_ip);
}

// What is checked outside the lock: the node itself.
absl::Status CheckNode(const std::vector<Forward>& forwards) {
  for (const Forward& forward : forwards) {
    if (forward.protocol == Protocol::kSctp &&
        !runtime::Exists(kSctpTracking)) {
      return absl::UnimplementedError(absl::StrCat(
          Describe(forward),
          ": this kernel cannot translate SCTP (CONFIG_NF_CT_PROTO_SCTP)"));
    }
  }
  return CheckListeners(forwards);
}

}  // namespace

absl::Status CheckListeners(const std::vector<Forward>& forwards) {
  for (const Forward& forward : forwards) {
    ASSIGN_OR_RETURN(const std::optional<Listener> listener,
                     FindListener(forward));
    if (!listener.has_value()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        Describe(forward), " is held by ", listener->owner,
        ", which listens on ", listener->ip.ToString(), " of the node"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Forward>> ForwardsOf(const PodNetwork& pod,
                                                const std::vector<Ip>& ips) {
  std::vector<Forward> forwards;
  for (const PortMapping& port : pod.ports) {
    std::optional<Ip> host_ip;
    if (!port.host_ip.empty()) {
      ASSIGN_OR_RETURN(host_ip, ParseIp(port.host_ip));
    }
    const size_t before = forwards.size();
    for (const Ip ip : ips) {
      if (host_ip.has_value() && host_ip->family != ip.family) continue;
      Forward forward{port.protocol, port.host_port, host_ip, ip,
                      port.container_port};
      if (host_ip.has_value() && host_ip->IsAny()) forward.host_ip.reset();
      forwards.push_back(forward);
    }
    const std::string name = Describe(port.protocol, port.host_port, host_ip);
    if (forwards.size() == before) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": the pod has no address of that family"));
    }
    if (host_ip.has_value() && host_ip->family == Family::kV6 &&
        host_ip->IsLoopback()) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": the kernel does not route from ::1; use 127.0.0.1"));
    }
  }
  return forwards;
}

std::optional<HostPorts::Taken> HostPorts::FindTaken(
    const std::string& sandbox_id, const std::vector<Forward>& forwards) const {
  std::optional<Taken> taken;
  for (const auto& [other, claim] : claims_) {
    if (other == sandbox_id) continue;
    const bool stays = !expected_.contains(other);
    if (taken.has_value() && !stays) continue;
    for (const Forward& theirs : claim.forwards) {
      for (const Forward& ours : forwards) {
        if (!Collide(theirs, ours)) continue;
        taken = Taken{claim.owner, Describe(ours), stays};
      }
    }
    if (taken.has_value() && taken->stays) break;
  }
  return taken;
}

absl::StatusOr<bool> HostPorts::Hold(const PodNetwork& pod,
                                     std::vector<Forward> forwards) {
  absl::MutexLock lock(&mutex_);
  std::optional<runtime::activity::Step> step;
  while (const std::optional<Taken> taken =
             FindTaken(pod.sandbox_id, forwards)) {
    if (taken->stays) {
      return absl::FailedPreconditionError(
          absl::StrCat(taken->port, " is held by pod ", taken->owner));
    }
    if (stopped_) {
      return absl::CancelledError(
          absl::StrCat(taken->port, ": the server ends while pod ",
                       taken->owner, ", which has it, is being stopped"));
    }
    const std::string text =
        absl::StrCat("network: waits for the end of pod ", taken->owner,
                     ", which has ", taken->port);
    if (step.has_value()) {
      step->Update(text);
    } else {
      step.emplace(text);
    }
    changed_.Wait(&mutex_);
  }
  claims_[pod.sandbox_id] = {absl::StrCat(pod.pod_namespace, "/", pod.name),
                             std::move(forwards)};
  return step.has_value();
}

absl::Status HostPorts::CheckNodeAgain(const std::string& sandbox_id,
                                       const std::vector<Forward>& forwards) {
  const absl::Status free = CheckNode(forwards);
  if (free.ok()) return free;
  absl::MutexLock lock(&mutex_);
  claims_.erase(sandbox_id);
  changed_.SignalAll();
  return free;
}

absl::Status HostPorts::Commit(
    const std::function<absl::Status(Socket&)>& change) {
  if (!socket_.has_value()) {
    ASSIGN_OR_RETURN(socket_, Socket::Open(NETLINK_NETFILTER));
  }
  const absl::Status changed = change(*socket_);
  if (!changed.ok()) socket_.reset();
  return changed;
}

absl::Status HostPorts::Install(const NatOptions& options) {
  absl::MutexLock serial(&committing_);
  return Commit(
      [&](Socket& socket) { return InstallNat(socket, options, All()); });
}

absl::Status HostPorts::Open(const PodNetwork& pod,
                             const std::vector<Ip>& ips) {
  if (pod.ports.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Forward> forwards, ForwardsOf(pod, ips));
  RETURN_IF_ERROR(CheckNode(forwards));
  ASSIGN_OR_RETURN(const bool waited, Hold(pod, forwards));
  if (waited) RETURN_IF_ERROR(CheckNodeAgain(pod.sandbox_id, forwards));
  {
    absl::MutexLock serial(&committing_);
    RETURN_IF_ERROR(Commit(
        [&](Socket& socket) { return AddForwards(socket, table_, forwards); }));
  }
  // Without it (no nf_conntrack_netlink) UDP and SCTP clients from before go on
  // to where they went until they pause: no reason to refuse the pod.
  const absl::Status forgotten = ForgetConnectionsElsewhere(forwards);
  if (!forgotten.ok()) {
    runtime::log::Warning("network: host ports of pod ", pod.pod_namespace, "/",
                          pod.name, ": ", forgotten.message());
  }
  return absl::OkStatus();
}

void HostPorts::Expect(const std::string& sandbox_id) {
  absl::MutexLock lock(&mutex_);
  expected_.insert(sandbox_id);
}

void HostPorts::PutOff(const std::string& sandbox_id) {
  absl::MutexLock lock(&mutex_);
  expected_.erase(sandbox_id);
  changed_.SignalAll();
}

void HostPorts::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  changed_.SignalAll();
}

absl::StatusOr<std::vector<Forward>> HostPorts::Close(
    const std::string& sandbox_id) {
  absl::StatusOr<std::vector<Forward>> closed = CloseNow(sandbox_id);
  PutOff(sandbox_id);
  return closed;
}

absl::StatusOr<std::vector<Forward>> HostPorts::CloseNow(
    const std::string& sandbox_id) {
  absl::MutexLock serial(&committing_);
  std::vector<Forward> forwards;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = claims_.find(sandbox_id);
    if (it == claims_.end()) return forwards;
    forwards = it->second.forwards;
  }
  absl::Status removed = Commit(
      [&](Socket& socket) { return RemoveForwards(socket, table_, forwards); });
  {
    absl::MutexLock lock(&mutex_);
    if (removed.ok() || absl::IsNotFound(removed)) claims_.erase(sandbox_id);
  }
  if (absl::IsNotFound(removed)) {
    // Somebody changed our rules; what is left of these goes with them.
    removed = Commit(
        [&](Socket& socket) { return ReplaceForwards(socket, table_, All()); });
    if (absl::IsNotFound(removed)) removed = absl::OkStatus();
  }
  RETURN_IF_ERROR(removed);
  return forwards;
}

absl::Status HostPorts::Restore(
    const std::vector<std::pair<PodNetwork, std::vector<Ip>>>& living) {
  absl::Status first;
  for (const auto& [pod, ips] : living) {
    if (pod.ports.empty() || ips.empty()) continue;
    absl::StatusOr<std::vector<Forward>> forwards = ForwardsOf(pod, ips);
    first.Update(forwards.status());
    if (forwards.ok()) first.Update(Hold(pod, *std::move(forwards)).status());
  }
  absl::MutexLock serial(&committing_);
  const absl::Status replaced = Commit(
      [&](Socket& socket) { return ReplaceForwards(socket, table_, All()); });
  // Without a table (no pod CIDR yet) nothing is left over either.
  if (!absl::IsNotFound(replaced)) first.Update(replaced);
  return first;
}

std::vector<Forward> HostPorts::All() {
  absl::MutexLock lock(&mutex_);
  std::vector<Forward> all;
  for (const auto& [sandbox_id, claim] : claims_) {
    all.insert(all.end(), claim.forwards.begin(), claim.forwards.end());
  }
  return all;
}

}  // namespace cri::network
