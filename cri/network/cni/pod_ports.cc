// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/pod_ports.h"

#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cri/network/host_ports.h"
#include "cri/network/ip.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

// Says once per pod what no plugin was told of.
void TellUnmapped(const NetworkConf& conf, const PodNetwork& pod) {
  runtime::log::Info("cni: network ", conf.name,
                     " has no plugin with the capability portMappings: host "
                     "port ",
                     pod.ports.front().host_port, " of pod ", pod.pod_namespace,
                     "/", pod.name, " is left to others");
}

Family FamilyOf(absl::string_view subnet) {
  return absl::StrContains(subnet, ':') ? Family::kV6 : Family::kV4;
}

// Of pods' addresses, which nobody knows before the ADD, as far as ranges in
// the list tell, or those that its plugins are told. IPv4 if there are none.
std::set<Family> FamiliesOf(const NetworkConf& conf,
                            const std::vector<std::string>& pod_cidrs) {
  std::set<Family> families;
  const auto add = [&](const runtime::Json& range) {
    const std::string subnet = runtime::StringAt(range, "subnet");
    if (!subnet.empty()) families.insert(FamilyOf(subnet));
  };
  for (const PluginConf& plugin : conf.plugins) {
    const runtime::Json& ipam = runtime::At(plugin.json, "ipam");
    add(ipam);
    for (const runtime::Json& set : runtime::ArrayAt(ipam, "ranges")) {
      if (!set.is_array()) continue;
      for (const runtime::Json& range : set) add(range);
    }
  }
  if (conf.HasCapability("ipRanges")) {
    for (const std::string& cidr : pod_cidrs) families.insert(FamilyOf(cidr));
  }
  if (families.empty()) families.insert(Family::kV4);
  return families;
}

// Rules for the pod would rob who listens on the node already.
absl::Status CheckNode(const PodNetwork& pod,
                       const std::set<Family>& families) {
  std::vector<Forward> forwards;
  for (const PortMapping& port : pod.ports) {
    Forward forward{
        port.protocol, port.host_port, std::nullopt, {}, port.container_port};
    std::set<Family> its_families = families;
    if (!port.host_ip.empty()) {
      ASSIGN_OR_RETURN(const Ip ip, ParseIp(port.host_ip));
      its_families = {ip.family};
      if (!ip.IsAny()) forward.host_ip = ip;
    }
    for (const Family family : its_families) {
      forward.pod_ip = Ip::Any(family);
      forwards.push_back(forward);
    }
  }
  return CheckListeners(forwards);
}

}  // namespace

bool MapsPorts(const NetworkConf& conf) {
  return conf.HasCapability("portMappings");
}

absl::Status PodPorts::Guard() {
  const absl::Status guarded = guard_.Install();
  absl::MutexLock lock(&mutex_);
  return guarded_ = guarded;
}

void PodPorts::Begin(const NetworkConf& conf) {
  if (!MapsPorts(conf)) {
    absl::MutexLock lock(&mutex_);
    guarded_ = absl::OkStatus();
    return;
  }
  if (Guard().ok()) return;
  runtime::log::Error("cni: network ", conf.name, ": ", Lacks());
}

std::string PodPorts::Lacks() {
  {
    absl::MutexLock lock(&mutex_);
    if (guarded_.ok()) return "";
  }
  const absl::Status guarded = Guard();
  if (guarded.ok()) return "";
  return absl::StrCat("pods with host ports are refused: ", guarded.message(),
                      " (coracle check says what is missing)");
}

absl::Status PodPorts::Take(const NetworkConf& conf,
                            const std::vector<std::string>& pod_cidrs,
                            const PodNetwork& pod) {
  if (pod.ports.empty()) return absl::OkStatus();
  if (!MapsPorts(conf)) {
    TellUnmapped(conf, pod);
    return absl::OkStatus();
  }
  // Again, as somebody may have flushed all rules since.
  RETURN_IF_ERROR(Guard());
  RETURN_IF_ERROR(CheckNode(pod, FamiliesOf(conf, pod_cidrs)));
  return claims_.Hold(pod);
}

void PodPorts::Free(const std::string& sandbox_id) { claims_.Free(sandbox_id); }

void PodPorts::Restore(const std::vector<PodNetwork>& pods) {
  claims_.Restore(pods);
}

}  // namespace cri::network::cni
