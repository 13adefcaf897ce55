// SPDX-License-Identifier: Apache-2.0
// The built-in network: one bridge, one veth pair per pod, all by netlink from
// this process. States and files: README.md.
#include <linux/netlink.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "cri/network/cidr.h"
#include "cri/network/conntrack.h"
#include "cri/network/host_ports.h"
#include "cri/network/link.h"
#include "cri/network/netlink.h"
#include "cri/network/network.h"
#include "cri/network/node_side.h"
#include "cri/network/pod_link.h"
#include "cri/network/pool.h"
#include "cri/network/reaper.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

constexpr char kNotReady[] = "NetworkPluginNotReady";
constexpr size_t kMaxCidrBytes = 128;

class BridgeNetwork : public Network {
 public:
  explicit BridgeNetwork(const NetworkOptions& options);

  Readiness Ready() override;
  void SetListener(Listener listener) override;
  absl::Status SetPodCidr(const std::string& cidr) override;
  absl::StatusOr<PodAddresses> Setup(const PodNetwork& pod) override;
  absl::Status SetupLoopback(int netns_fd) override;
  absl::Status Teardown(const PodNetwork& pod) override;
  std::vector<std::string> Recover(
      const std::vector<PodNetwork>& living) override;
  void Expect(const PodNetwork& pod) override { ports_.Expect(pod.sandbox_id); }
  void PutOff(const std::string& id) override { ports_.PutOff(id); }
  void Stop() override { ports_.Stop(); }

 private:
  absl::Status LoadState();
  Readiness Current() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::Status Configure(const std::vector<Cidr>& cidrs)
      ABSL_LOCKS_EXCLUDED(configuring_);
  // For LoadState of the next run.
  absl::Status RememberCidrs(const std::vector<Cidr>& cidrs) const;
  absl::StatusOr<NodeSide> GetActive() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<AddressPool::Lease> Lease(const std::string& sandbox_id);
  absl::Status Connect(const NodeSide& active, const PodNetwork& pod,
                       const std::vector<Ip>& ips);

  const NetworkOptions options_;
  AddressPool pool_;
  HostPorts ports_;
  LinkReaper reaper_;
  absl::Mutex configuring_;  // one configuration at a time; before mutex_
  absl::Mutex mutex_;
  std::optional<NodeSide> active_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::vector<Cidr>> wanted_ ABSL_GUARDED_BY(mutex_);
  absl::Status problem_ ABSL_GUARDED_BY(mutex_);  // why there is no active_
  Listener listener_ ABSL_GUARDED_BY(mutex_);
};

BridgeNetwork::BridgeNetwork(const NetworkOptions& options)
    : options_(options),
      pool_(absl::StrCat(RoomDir(options), "/leases"),
            absl::StrCat(RoomDir(options), "/set-aside")),
      ports_(TableName(options)) {
  const absl::Status loaded = LoadState();
  if (!loaded.ok()) {
    runtime::log::Error("network: ", loaded.message());
    absl::MutexLock lock(&mutex_);
    problem_ = loaded;
  }
}

// Leases, and the pod CIDR: the configured one, else the last one told, so
// that pods can start before an agent has come up again.
absl::Status BridgeNetwork::LoadState() {
  RETURN_IF_ERROR(CheckBridgeName(options_.bridge));
  RETURN_IF_ERROR(pool_.Load());
  if (!options_.pod_cidr.empty()) return SetPodCidr(options_.pod_cidr);
  const absl::StatusOr<std::string> stored = runtime::ReadFile(
      absl::StrCat(RoomDir(options_), "/pod_cidr"), kMaxCidrBytes);
  if (absl::IsNotFound(stored.status())) return absl::OkStatus();
  RETURN_IF_ERROR(stored.status());
  return SetPodCidr(std::string(absl::StripAsciiWhitespace(*stored)));
}

Readiness BridgeNetwork::Current() const {
  if (active_.has_value()) return {true, "", ""};
  return {false, kNotReady,
          problem_.ok() ? "no pod CIDR is known yet"
                        : std::string(problem_.message())};
}

Readiness BridgeNetwork::Ready() {
  std::optional<std::vector<Cidr>> retry;
  {
    absl::MutexLock lock(&mutex_);
    if (!active_.has_value()) retry = wanted_;
  }
  // A failure is what Current tells.
  if (retry.has_value()) Configure(*retry).IgnoreError();
  absl::MutexLock lock(&mutex_);
  return Current();
}

void BridgeNetwork::SetListener(Listener listener) {
  absl::MutexLock lock(&mutex_);
  listener_ = std::move(listener);
}

absl::Status BridgeNetwork::SetPodCidr(const std::string& text) {
  RETURN_IF_ERROR(CheckBridgeName(options_.bridge));
  ASSIGN_OR_RETURN(const std::vector<Cidr> cidrs, ParsePodCidrs(text));
  {
    absl::MutexLock lock(&mutex_);
    if (active_.has_value() && active_->cidrs == cidrs) return absl::OkStatus();
  }
  return Configure(cidrs);
}

absl::Status BridgeNetwork::Configure(const std::vector<Cidr>& cidrs) {
  absl::MutexLock serial(&configuring_);
  if (absl::Status refused = pool_.SetCidrs(cidrs); !refused.ok()) {
    absl::MutexLock lock(&mutex_);
    // At the start the addresses may be those of dead pods, swept later.
    if (!active_.has_value()) {
      wanted_ = cidrs;
      problem_ = refused;
    }
    return refused;
  }
  absl::StatusOr<NodeSide> active =
      SetUpNode(options_, cidrs, pool_.Sandboxes(), ports_);
  absl::Status applied = active.status();
  if (applied.ok()) applied = RememberCidrs(cidrs);
  applied =
      runtime::Annotate(applied, absl::StrCat("pod network ", ToString(cidrs)));
  Listener tell;
  Readiness readiness;
  {
    absl::MutexLock lock(&mutex_);
    const Readiness before = Current();
    wanted_ = cidrs;
    problem_ = applied;
    active_.reset();
    if (applied.ok()) active_ = *std::move(active);
    readiness = Current();
    if (!(readiness == before)) tell = listener_;
  }
  if (tell) tell(readiness);
  return applied;
}

absl::Status BridgeNetwork::RememberCidrs(
    const std::vector<Cidr>& cidrs) const {
  RETURN_IF_ERROR(runtime::MakeDirs(RoomDir(options_), 0700));
  return runtime::WriteFileAtomic(absl::StrCat(RoomDir(options_), "/pod_cidr"),
                                  absl::StrCat(ToString(cidrs), "\n"));
}

absl::StatusOr<NodeSide> BridgeNetwork::GetActive() {
  const Readiness readiness = Ready();
  absl::MutexLock lock(&mutex_);
  if (active_.has_value()) return *active_;
  return absl::UnavailableError(
      absl::StrCat("the pod network is not ready: ", readiness.message));
}

// If the pool is empty but for addresses whose links are about to go, that is
// hurried up.
absl::StatusOr<AddressPool::Lease> BridgeNetwork::Lease(
    const std::string& sandbox_id) {
  absl::StatusOr<AddressPool::Lease> lease = pool_.Acquire(sandbox_id);
  if (!absl::IsResourceExhausted(lease.status())) return lease;
  reaper_.Flush();
  return pool_.Acquire(sandbox_id);
}

absl::StatusOr<PodAddresses> BridgeNetwork::Setup(const PodNetwork& pod) {
  const std::string& sandbox_id = pod.sandbox_id;
  const runtime::activity::Step step(
      absl::StrCat("network: connecting by ", VethName(sandbox_id)));
  ASSIGN_OR_RETURN(NodeSide active, GetActive());
  ASSIGN_OR_RETURN(const AddressPool::Lease lease, Lease(sandbox_id));
  absl::Status connected = Connect(active, pod, lease.ips);
  if (!connected.ok() && IsGone(options_, active, connected)) {
    connected = Configure(active.cidrs);
    if (connected.ok()) {
      ASSIGN_OR_RETURN(active, GetActive());
      connected = Connect(active, pod, lease.ips);
    }
  }
  if (!connected.ok()) {
    const absl::Status undone = lease.fresh ? Teardown(pod) : absl::OkStatus();
    if (!undone.ok()) {
      runtime::log::Warning("network: undo for sandbox ", sandbox_id, ": ",
                            undone.message());
    }
    return runtime::Annotate(connected,
                             absl::StrCat("network of sandbox ", sandbox_id));
  }
  PodAddresses addresses;
  for (const Ip ip : lease.ips) addresses.ips.push_back(ip.ToString());
  return addresses;
}

absl::Status BridgeNetwork::Connect(const NodeSide& active,
                                    const PodNetwork& pod,
                                    const std::vector<Ip>& ips) {
  PodLink link;
  ASSIGN_OR_RETURN(link.bandwidth, ParseBandwidth(pod.annotations));
  // Ports first: one that is taken costs nothing yet.
  RETURN_IF_ERROR(ports_.Open(pod, ips));
  link.host_name = VethName(pod.sandbox_id);
  link.bridge_index = active.bridge_index;
  link.mtu = active.mtu;
  link.netns_fd = pod.netns_fd;
  link.node_has_ipv6 = active.has_ipv6;
  for (size_t i = 0; i < ips.size(); ++i) {
    link.addresses.push_back({ips[i], active.cidrs[i]});
  }
  return ConnectPod(link);
}

absl::Status BridgeNetwork::SetupLoopback(int netns_fd) {
  ASSIGN_OR_RETURN(Socket pod, Socket::OpenIn(netns_fd, NETLINK_ROUTE));
  return LoopbackUp(pod);
}

absl::Status BridgeNetwork::Teardown(const PodNetwork& pod) {
  const std::string& sandbox_id = pod.sandbox_id;
  // Ports first: nobody is led to an address that is about to be free.
  ASSIGN_OR_RETURN(const std::vector<Forward> closed, ports_.Close(sandbox_id));
  ASSIGN_OR_RETURN(const std::vector<Ip> ips, pool_.Release(sandbox_id));
  if (ips.empty()) return absl::OkStatus();
  reaper_.Expect(VethName(sandbox_id), [this, ips, closed] {
    const absl::Status forgotten = ForgetConnectionsTo(closed);
    if (!forgotten.ok()) {
      runtime::log::Warning("network: host ports of a stopped pod: ",
                            forgotten.message());
    }
    pool_.Reuse(ips);
  });
  return absl::OkStatus();
}

std::vector<std::string> BridgeNetwork::Recover(
    const std::vector<PodNetwork>& living) {
  std::set<std::string> kept;
  for (const PodNetwork& pod : living) kept.insert(pod.sandbox_id);
  for (const std::string& sandbox_id : pool_.Sandboxes()) {
    if (kept.contains(sandbox_id)) continue;
    const absl::Status freed = Teardown({.sandbox_id = sandbox_id});
    if (!freed.ok()) {
      runtime::log::Warning("network: sweep: ", freed.message());
    }
  }
  std::vector<std::pair<PodNetwork, std::vector<Ip>>> holders;
  for (const PodNetwork& pod : living) {
    holders.emplace_back(pod, pool_.Find(pod.sandbox_id));
  }
  // One that is being stopped may have given its port to another already.
  std::stable_partition(holders.begin(), holders.end(), [](const auto& holder) {
    return !holder.first.stopping;
  });
  const absl::Status restored = ports_.Restore(holders);
  if (!restored.ok()) {
    runtime::log::Error("network: host ports of running pods: ",
                        restored.message());
  }
  for (const PodNetwork& pod : living) {
    if (pod.stopping) Expect(pod);
  }
  // Links of pods whose lease went before a crash kept them from going too.
  for (const std::string& link : StrayLinks(options_, pool_.Sandboxes())) {
    reaper_.Expect(link, [] {});
  }
  return {};
}

}  // namespace

std::unique_ptr<Network> MakeBridgeNetwork(const NetworkOptions& options) {
  return std::make_unique<BridgeNetwork>(options);
}

}  // namespace cri::network
