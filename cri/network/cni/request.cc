// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/request.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "cri/network/bandwidth.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

using runtime::Json;

constexpr uint64_t kBurst =
    std::numeric_limits<uint32_t>::max();  // as all give

const char* ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kUdp:
      return "udp";
    case Protocol::kSctp:
      return "sctp";
    default:
      return "tcp";
  }
}

Protocol ProtocolOf(const std::string& name) {
  if (name == "udp") return Protocol::kUdp;
  return name == "sctp" ? Protocol::kSctp : Protocol::kTcp;
}

Json PortMappings(const std::vector<PortMapping>& ports) {
  Json list = Json::array();
  for (const PortMapping& port : ports) {
    Json entry{{"hostPort", port.host_port},
               {"containerPort", port.container_port},
               {"protocol", ProtocolName(port.protocol)}};
    if (!port.host_ip.empty()) entry["hostIP"] = port.host_ip;
    list.push_back(std::move(entry));
  }
  return list;
}

absl::StatusOr<Json> Limits(const PodNetwork& pod) {
  ASSIGN_OR_RETURN(const Bandwidth bandwidth, ParseBandwidth(pod.annotations));
  Json limits = Json::object();
  if (bandwidth.ingress != 0) {
    limits["ingressRate"] = bandwidth.ingress;
    limits["ingressBurst"] = kBurst;
  }
  if (bandwidth.egress != 0) {
    limits["egressRate"] = bandwidth.egress;
    limits["egressBurst"] = kBurst;
  }
  return limits;
}

Json IpRanges(const std::vector<std::string>& cidrs) {
  Json ranges = Json::array();
  for (const std::string& cidr : cidrs) {
    ranges.push_back(Json::array({Json{{"subnet", cidr}}}));
  }
  return ranges;
}

Json DnsOf(const Dns& dns) {
  Json json = Json::object();
  if (!dns.servers.empty()) json["servers"] = dns.servers;
  if (!dns.searches.empty()) json["searches"] = dns.searches;
  if (!dns.options.empty()) json["options"] = dns.options;
  return json;
}

Json Aliases(const PodNetwork& pod) {
  Json aliases = Json::array();
  if (!pod.name.empty()) aliases.push_back(pod.name);
  if (!pod.hostname.empty() && pod.hostname != pod.name) {
    aliases.push_back(pod.hostname);
  }
  return aliases;
}

}  // namespace

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> CniArgs(
    const PodNetwork& pod) {
  std::vector<std::pair<std::string, std::string>> args = {
      {"IgnoreUnknown", "1"},
      {"K8S_POD_NAMESPACE", pod.pod_namespace},
      {"K8S_POD_NAME", pod.name},
      {"K8S_POD_INFRA_CONTAINER_ID", pod.sandbox_id},
      {"K8S_POD_UID", pod.uid}};
  for (const auto& [key, value] : args) {
    if (std::none_of(value.begin(), value.end(), [](unsigned char c) {
          return c == ';' || c == '=' || absl::ascii_iscntrl(c);
        })) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("CNI argument ", key, ": \"", absl::CEscape(value),
                     "\" has ';', '=' or a control character"));
  }
  return args;
}

absl::StatusOr<Json> Capabilities(const PodNetwork& pod,
                                  const std::vector<std::string>& pod_cidrs) {
  ASSIGN_OR_RETURN(Json bandwidth, Limits(pod));
  Json all{{"portMappings", PortMappings(pod.ports)},
           {"bandwidth", std::move(bandwidth)},
           {"ipRanges", IpRanges(pod_cidrs)},
           {"dns", DnsOf(pod.dns)},
           {"aliases", Aliases(pod)},
           {"io.kubernetes.cri.pod-annotations", pod.annotations}};
  for (auto it = all.begin(); it != all.end();) {
    it = it->empty() ? all.erase(it) : std::next(it);
  }
  return all;
}

PodNetwork PodOf(const Attachment& attachment) {
  PodNetwork pod;
  pod.sandbox_id = attachment.container_id;
  for (const auto& [key, value] : attachment.args) {
    if (key == "K8S_POD_NAMESPACE") pod.pod_namespace = value;
    if (key == "K8S_POD_NAME") pod.name = value;
    if (key == "K8S_POD_UID") pod.uid = value;
  }
  for (const Json& entry :
       runtime::ArrayAt(attachment.capabilities, "portMappings")) {
    PortMapping port;
    port.protocol = ProtocolOf(runtime::StringAt(entry, "protocol"));
    port.container_port =
        static_cast<uint16_t>(runtime::IntAt(entry, "containerPort"));
    port.host_port = static_cast<uint16_t>(runtime::IntAt(entry, "hostPort"));
    port.host_ip = runtime::StringAt(entry, "hostIP");
    pod.ports.push_back(std::move(port));
  }
  return pod;
}

}  // namespace cri::network::cni
