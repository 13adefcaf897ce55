// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/pod_ports.h"

#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

bool MapsPorts(const NetworkConf& conf) {
  return conf.HasCapability("portMappings");
}

// Says once per pod what no plugin was told of.
void TellUnmapped(const NetworkConf& conf, const PodNetwork& pod) {
  runtime::log::Info("cni: network ", conf.name,
                     " has no plugin with the capability portMappings: host "
                     "port ",
                     pod.ports.front().host_port, " of pod ", pod.pod_namespace,
                     "/", pod.name, " is left to others");
}

}  // namespace

void PodPorts::Begin(const NetworkConf& conf) {
  if (!MapsPorts(conf)) return;
  const absl::Status guarded = guard_.Install();
  if (guarded.ok()) return;
  runtime::log::Error(
      "cni: network ", conf.name,
      ": pods with host ports are refused: ", guarded.message());
}

absl::Status PodPorts::Take(const NetworkConf& conf, const PodNetwork& pod) {
  if (pod.ports.empty()) return absl::OkStatus();
  if (!MapsPorts(conf)) {
    TellUnmapped(conf, pod);
    return absl::OkStatus();
  }
  // Again, as somebody may have flushed all rules since.
  RETURN_IF_ERROR(guard_.Install());
  return claims_.Hold(pod);
}

void PodPorts::Free(const std::string& sandbox_id) { claims_.Free(sandbox_id); }

void PodPorts::Restore(const std::vector<PodNetwork>& pods) {
  claims_.Restore(pods);
}

}  // namespace cri::network::cni
