// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/pod_network.h"

#include <arpa/inet.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cri/sandbox/field.h"
#include "runtime/base/status.h"

namespace cri::sandbox {
namespace {

namespace v1 = ::runtime::v1;

absl::Status Refuse(const v1::PortMapping& port, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("port_mappings: host port ", port.host_port(),
                   " for container port ", port.container_port(), ": ", why));
}

absl::StatusOr<network::Protocol> ProtocolOf(const v1::PortMapping& port) {
  switch (port.protocol()) {
    case v1::TCP:
      return network::Protocol::kTcp;
    case v1::UDP:
      return network::Protocol::kUdp;
    case v1::SCTP:
      return network::Protocol::kSctp;
    default:
      return Refuse(port, absl::StrCat("protocol ", port.protocol(),
                                       " is not TCP, UDP or SCTP"));
  }
}

bool IsAddress(const std::string& text) {
  in6_addr parsed;
  return inet_pton(AF_INET, text.c_str(), &parsed) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

absl::StatusOr<network::PortMapping> Convert(const v1::PortMapping& port) {
  network::PortMapping mapping;
  ASSIGN_OR_RETURN(mapping.protocol, ProtocolOf(port));
  if (port.container_port() < 1 || port.container_port() > UINT16_MAX) {
    return Refuse(port, "the container port is not from 1 to 65535");
  }
  if (port.host_port() < 0 || port.host_port() > UINT16_MAX) {
    return Refuse(port, "the host port is not from 0 to 65535");
  }
  if (!port.host_ip().empty() && !IsAddress(port.host_ip())) {
    return Refuse(port, absl::StrCat("host_ip \"", port.host_ip(),
                                     "\" is not an IP address"));
  }
  mapping.container_port = static_cast<uint16_t>(port.container_port());
  mapping.host_port = static_cast<uint16_t>(port.host_port());
  mapping.host_ip = port.host_ip();
  return mapping;
}

// With their places in the field; those without a host port are left out.
absl::StatusOr<std::map<int, network::PortMapping>> ParsePorts(
    const v1::PodSandboxConfig& config) {
  std::map<int, network::PortMapping> ports;
  for (int i = 0; i < config.port_mappings_size(); ++i) {
    ASSIGN_OR_RETURN(const network::PortMapping mapping,
                     Convert(config.port_mappings(i)));
    if (mapping.host_port != 0) ports[i] = mapping;
  }
  return ports;
}

}  // namespace

absl::Status CheckHostPorts(const v1::PodSandboxConfig& config) {
  ASSIGN_OR_RETURN(const auto ports, ParsePorts(config));
  const auto network =
      config.linux().security_context().namespace_options().network();
  if (network == v1::NODE) return absl::OkStatus();  // nothing is mapped
  for (const auto& [i, port] : ports) {
    for (const auto& [earlier, other] : ports) {
      if (earlier == i) break;
      if (!network::AreOne(other, port)) continue;
      return InvalidField(
          absl::StrCat("config.port_mappings[", i, "]"),
          absl::StrCat("host port ", port.host_port, " on that address is ",
                       "mapped by port_mappings[", earlier, "] already"));
    }
  }
  return absl::OkStatus();
}

network::PodNetwork PodNetworkOf(const Sandbox& sandbox) {
  const v1::PodSandboxConfig& config = sandbox.config;
  network::PodNetwork pod;
  pod.sandbox_id = sandbox.id;
  pod.name = config.metadata().name();
  pod.pod_namespace = config.metadata().namespace_();
  pod.uid = config.metadata().uid();
  pod.hostname = config.hostname();
  // Bad ones were refused before the sandbox was made.
  for (auto& [place, port] :
       ParsePorts(config).value_or(std::map<int, network::PortMapping>())) {
    pod.ports.push_back(port);
  }
  pod.annotations = {config.annotations().begin(), config.annotations().end()};
  const v1::DNSConfig& dns = config.dns_config();
  pod.dns.servers = {dns.servers().begin(), dns.servers().end()};
  pod.dns.searches = {dns.searches().begin(), dns.searches().end()};
  pod.dns.options = {dns.options().begin(), dns.options().end()};
  pod.cgroup_parent = sandbox.cgroup_parent;
  return pod;
}

}  // namespace cri::sandbox
