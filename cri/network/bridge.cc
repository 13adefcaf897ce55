// SPDX-License-Identifier: Apache-2.0
// The built-in network: one bridge, one veth pair per pod, all by netlink from
// this process. States and files: README.md.
#include <linux/netlink.h>
#include <net/if.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "cri/network/cidr.h"
#include "cri/network/link.h"
#include "cri/network/masquerade.h"
#include "cri/network/netlink.h"
#include "cri/network/network.h"
#include "cri/network/pool.h"
#include "cri/network/reaper.h"
#include "cri/network/sysctl.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

constexpr char kVethPrefix[] = "veth";
constexpr char kNotReady[] = "NetworkPluginNotReady";
constexpr size_t kMaxCidrBytes = 64;

std::string RoomDir(const NetworkOptions& options) {
  return absl::StrCat(options.state_dir, "/network");
}

std::string TableName(const NetworkOptions& options) {
  return absl::StrCat("coracle-", options.bridge);
}

// The node's end of a pod's veth pair: the same name whenever it is asked for.
std::string VethName(absl::string_view sandbox_id) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : sandbox_id) hash = (hash ^ c) * 0x100000001b3;
  return absl::StrFormat("%s%011x", kVethPrefix, hash >> 20);
}

absl::Status CheckBridgeName(const std::string& name) {
  if (!name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isgraph(c) && c != '/' && c != ':';
      })) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("bridge name \"", name, "\": a link name has 1 to ",
                   IFNAMSIZ - 1, " characters, without '/', ':' and spaces"));
}

class BridgeNetwork : public Network {
 public:
  explicit BridgeNetwork(const NetworkOptions& options);

  Readiness Ready() override;
  void SetListener(Listener listener) override;
  absl::Status SetPodCidr(const std::string& cidr) override;
  absl::StatusOr<PodAddresses> Setup(const PodNetwork& pod) override;
  absl::Status SetupLoopback(int netns_fd) override;
  absl::Status Teardown(const PodNetwork& pod) override;
  void Sweep(const std::vector<PodNetwork>& living) override;

 private:
  // What Setup needs; replaced as a whole.
  struct Active {
    Cidr cidr;
    int bridge_index = 0;
    uint32_t mtu = 0;
  };

  absl::Status LoadState();
  Readiness Current() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::Status Configure(const Cidr& cidr) ABSL_LOCKS_EXCLUDED(configuring_);
  absl::Status Apply(const Cidr& cidr, Active& active);
  absl::Status Adopt(Socket& rtnl, int bridge_index);
  absl::StatusOr<bool> BridgeIsGone(const Active& active);
  absl::StatusOr<Active> GetActive() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<AddressPool::Lease> Lease(const std::string& sandbox_id);
  absl::Status Connect(const Active& active, const std::string& sandbox_id,
                       Ipv4 ip, int netns_fd);
  absl::Status Join(const Active& active, const Veth& veth, Socket& pod);

  const NetworkOptions options_;
  AddressPool pool_;
  LinkReaper reaper_;
  absl::Mutex configuring_;  // one configuration at a time; before mutex_
  absl::Mutex mutex_;
  std::optional<Active> active_ ABSL_GUARDED_BY(mutex_);
  std::optional<Cidr> wanted_ ABSL_GUARDED_BY(mutex_);
  absl::Status problem_ ABSL_GUARDED_BY(mutex_);  // why there is no active_
  Listener listener_ ABSL_GUARDED_BY(mutex_);
};

BridgeNetwork::BridgeNetwork(const NetworkOptions& options)
    : options_(options),
      pool_(absl::StrCat(RoomDir(options), "/leases"),
            absl::StrCat(RoomDir(options), "/set-aside")) {
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
  std::optional<Cidr> retry;
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
  ASSIGN_OR_RETURN(const Cidr cidr, ParsePodCidr(text));
  {
    absl::MutexLock lock(&mutex_);
    if (active_.has_value() && active_->cidr == cidr) return absl::OkStatus();
  }
  return Configure(cidr);
}

absl::Status BridgeNetwork::Configure(const Cidr& cidr) {
  absl::MutexLock serial(&configuring_);
  RETURN_IF_ERROR(pool_.SetCidr(cidr));
  Active active;
  absl::Status applied = runtime::Annotate(
      Apply(cidr, active), absl::StrCat("pod network ", cidr.ToString()));
  Listener tell;
  Readiness readiness;
  {
    absl::MutexLock lock(&mutex_);
    const Readiness before = Current();
    wanted_ = cidr;
    problem_ = applied;
    active_.reset();
    if (applied.ok()) active_ = active;
    readiness = Current();
    if (!(readiness == before)) tell = listener_;
  }
  if (tell) tell(readiness);
  return applied;
}

absl::Status BridgeNetwork::Apply(const Cidr& cidr, Active& active) {
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  active.cidr = cidr;
  active.mtu = static_cast<uint32_t>(options_.mtu);
  if (options_.mtu == 0) {
    ASSIGN_OR_RETURN(active.mtu, DefaultRouteMtu(rtnl));
  }
  ASSIGN_OR_RETURN(active.bridge_index,
                   EnsureBridge(rtnl, options_.bridge, cidr, active.mtu));
  RETURN_IF_ERROR(Adopt(rtnl, active.bridge_index));
  RETURN_IF_ERROR(EnableForwarding(options_.bridge));
  std::optional<Cidr> cluster;
  if (!options_.cluster_cidr.empty()) {
    ASSIGN_OR_RETURN(cluster, ParsePodCidr(options_.cluster_cidr));
  }
  RETURN_IF_ERROR(options_.masquerade
                      ? InstallMasquerade(TableName(options_), cidr, cluster)
                      : RemoveMasquerade(TableName(options_)));
  RETURN_IF_ERROR(runtime::MakeDirs(RoomDir(options_), 0700));
  return runtime::WriteFileAtomic(absl::StrCat(RoomDir(options_), "/pod_cidr"),
                                  absl::StrCat(cidr.ToString(), "\n"));
}

// Puts running pods on a bridge that had to be made anew.
absl::Status BridgeNetwork::Adopt(Socket& rtnl, int bridge_index) {
  std::set<std::string> ours;
  for (const std::string& sandbox_id : pool_.Sandboxes()) {
    ours.insert(VethName(sandbox_id));
  }
  if (ours.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Link> links, ListLinks(rtnl));
  for (const Link& link : links) {
    if (link.master != 0 || !ours.contains(link.name)) continue;
    RETURN_IF_ERROR(SetMaster(rtnl, link, bridge_index));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> BridgeNetwork::BridgeIsGone(const Active& active) {
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(const std::optional<Link> bridge,
                   FindLink(rtnl, options_.bridge));
  return !bridge.has_value() || bridge->index != active.bridge_index;
}

absl::StatusOr<BridgeNetwork::Active> BridgeNetwork::GetActive() {
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
  if (!pod.ports.empty()) {
    return absl::UnimplementedError(
        absl::StrCat("host port ", pod.ports.front().host_port,
                     ": the built-in network does not map host ports yet"));
  }
  ASSIGN_OR_RETURN(Active active, GetActive());
  ASSIGN_OR_RETURN(const AddressPool::Lease lease, Lease(sandbox_id));
  absl::Status connected = Connect(active, sandbox_id, lease.ip, pod.netns_fd);
  if (!connected.ok() && BridgeIsGone(active).value_or(false)) {
    connected = Configure(active.cidr);
    if (connected.ok()) {
      ASSIGN_OR_RETURN(active, GetActive());
      connected = Connect(active, sandbox_id, lease.ip, pod.netns_fd);
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
  return PodAddresses{{lease.ip.ToString()}};
}

absl::Status BridgeNetwork::Connect(const Active& active,
                                    const std::string& sandbox_id, Ipv4 ip,
                                    int netns_fd) {
  ASSIGN_OR_RETURN(Socket pod, Socket::OpenIn(netns_fd, NETLINK_ROUTE));
  const Veth veth{VethName(sandbox_id), active.bridge_index, active.mtu,
                  netns_fd, MacOf(ip)};
  RETURN_IF_ERROR(Join(active, veth, pod));
  return ConfigurePod(pod, active.cidr, ip);
}

// Makes the pair. One that an interrupted call left is used if it ends in this
// pod, and replaced if it ends elsewhere.
absl::Status BridgeNetwork::Join(const Active& active, const Veth& veth,
                                 Socket& pod) {
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  const absl::Status added = AddVeth(rtnl, veth);
  if (!absl::IsAlreadyExists(added)) return added;
  ASSIGN_OR_RETURN(const std::optional<Link> host,
                   FindLink(rtnl, veth.host_name));
  ASSIGN_OR_RETURN(const std::optional<Link> inside, FindLink(pod, "eth0"));
  if (host.has_value() && inside.has_value() && inside->kind == "veth" &&
      inside->peer_index == host->index && host->peer_index == inside->index &&
      host->master == active.bridge_index) {
    return absl::OkStatus();
  }
  if (inside.has_value()) {
    return absl::FailedPreconditionError(
        "the pod's namespace has a link eth0 that is not ours");
  }
  if (host.has_value() && host->master != 0 &&
      host->master != active.bridge_index) {
    return absl::FailedPreconditionError(
        absl::StrCat("link ", veth.host_name, " belongs to another bridge"));
  }
  RETURN_IF_ERROR(DeleteLink(rtnl, veth.host_name));
  return AddVeth(rtnl, veth);
}

absl::Status BridgeNetwork::SetupLoopback(int netns_fd) {
  ASSIGN_OR_RETURN(Socket pod, Socket::OpenIn(netns_fd, NETLINK_ROUTE));
  return LoopbackUp(pod);
}

absl::Status BridgeNetwork::Teardown(const PodNetwork& pod) {
  const std::string& sandbox_id = pod.sandbox_id;
  ASSIGN_OR_RETURN(const std::optional<Ipv4> ip, pool_.Release(sandbox_id));
  if (!ip.has_value()) return absl::OkStatus();
  reaper_.Expect(VethName(sandbox_id), [this, ip] { pool_.Reuse(*ip); });
  return absl::OkStatus();
}

void BridgeNetwork::Sweep(const std::vector<PodNetwork>& living) {
  std::set<std::string> kept;
  for (const PodNetwork& pod : living) kept.insert(pod.sandbox_id);
  for (const std::string& sandbox_id : pool_.Sandboxes()) {
    if (kept.contains(sandbox_id)) continue;
    const absl::Status freed = Teardown({.sandbox_id = sandbox_id});
    if (!freed.ok()) {
      runtime::log::Warning("network: sweep: ", freed.message());
    }
  }
  // Links of pods whose lease went before a crash kept them from going too.
  std::set<std::string> known;
  for (const std::string& sandbox_id : pool_.Sandboxes()) {
    known.insert(VethName(sandbox_id));
  }
  absl::StatusOr<Socket> rtnl = Socket::Open(NETLINK_ROUTE);
  if (!rtnl.ok()) return;
  const absl::StatusOr<std::optional<Link>> bridge =
      FindLink(*rtnl, options_.bridge);
  const absl::StatusOr<std::vector<Link>> links = ListLinks(*rtnl);
  if (!links.ok() || !bridge.ok() || !bridge->has_value()) return;
  for (const Link& link : *links) {
    if (link.master == (*bridge)->index && link.kind == "veth" &&
        absl::StartsWith(link.name, kVethPrefix) &&
        !known.contains(link.name)) {
      reaper_.Expect(link.name, [] {});
    }
  }
}

}  // namespace

std::unique_ptr<Network> MakeBridgeNetwork(const NetworkOptions& options) {
  return std::make_unique<BridgeNetwork>(options);
}

absl::Status RemoveBridgeNetwork(const NetworkOptions& options) {
  RETURN_IF_ERROR(CheckBridgeName(options.bridge));
  ASSIGN_OR_RETURN(Socket rtnl, Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(const std::optional<Link> bridge,
                   FindLink(rtnl, options.bridge));
  if (bridge.has_value() && bridge->kind == "bridge") {
    ASSIGN_OR_RETURN(const std::vector<Link> links, ListLinks(rtnl));
    for (const Link& link : links) {
      if (link.master != bridge->index || link.kind != "veth") continue;
      RETURN_IF_ERROR(DeleteLink(rtnl, link.name));
    }
    RETURN_IF_ERROR(DeleteLink(rtnl, options.bridge));
  }
  RETURN_IF_ERROR(RemoveMasquerade(TableName(options)));
  return runtime::RemoveTree(RoomDir(options));
}

}  // namespace cri::network
