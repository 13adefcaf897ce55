// SPDX-License-Identifier: Apache-2.0
// A container's environment, command, hosts file and DNS, computed from the
// API objects. Pure but for the object source. Errors become
// CreateContainerConfigError with the text given here.
#ifndef CORACLE_AGENT_ENV_ENV_H_
#define CORACLE_AGENT_ENV_ENV_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/object/source.h"
#include "agent/volume/manager.h"
#include "runtime/base/json.h"

namespace agent::env {

using runtime::Json;

struct PodAddresses {
  std::vector<std::string> pod_ips;
  std::vector<std::string> host_ips;
};

using Variables = std::vector<std::pair<std::string, std::string>>;

// Service variables, then envFrom, then env, each later one wins; $(VAR)
// expanded (kubelet.md §1.6).
absl::StatusOr<Variables> BuildEnvironment(const Json& pod,
                                           const Json& container,
                                           const PodAddresses& addresses,
                                           const volume::NodeFacts& node,
                                           object::Source& objects);

// command or args of the container with $(VAR) expanded; $$ escapes.
std::vector<std::string> ExpandWords(const Json& words, const Variables& env);

// A fieldRef or resourceFieldRef value, as env and downwardAPI volumes share.
absl::StatusOr<std::string> FieldValue(const Json& pod,
                                       const std::string& field_path,
                                       const PodAddresses& addresses,
                                       const volume::NodeFacts& node);
absl::StatusOr<std::string> ResourceValue(const Json& pod,
                                          const Json& container,
                                          const Json& resource_field_ref,
                                          const volume::NodeFacts& node);

// "1500m" → 1500 etc.: exact value in milli-units, rounded up.
absl::StatusOr<int64_t> QuantityMilli(const std::string& quantity);
// "128Mi" → bytes, rounded up.
absl::StatusOr<int64_t> QuantityBytes(const std::string& quantity);

struct DnsOptions {
  std::vector<std::string> cluster_dns;
  std::string cluster_domain;
  std::string resolv_conf = "/etc/resolv.conf";
  std::string hosts_file = "/etc/hosts";  // what host-network pods get
  // The host's own file, and systemd-resolved's with the real servers: what
  // stands in where resolv_conf does not do (host_dns.h).
  std::string host_resolv_conf = "/etc/resolv.conf";
  std::string resolved_conf = "/run/systemd/resolve/resolv.conf";
};
struct Dns {
  std::vector<std::string> servers, searches, options;
  std::string warning;         // for an event; "" if none
  std::string warning_reason;  // MissingClusterDNS or DNSConfigForming
};
absl::StatusOr<Dns> PodDns(const Json& pod, const DnsOptions& options);
// For the log at start: that `resolv_conf` is missing, and what stands in;
// "" if it is there.
std::string ResolvConfWarning(const DnsOptions& options);

// The short name: spec.hostnameOverride, spec.hostname or the pod's name, at
// most 63 characters; a host-network pod has the node's.
std::string PodHostname(const Json& pod, const std::string& node_name);
// What the kernel is told: PodHostname, or the whole FQDN if the pod says
// setHostnameAsFQDN. INVALID_ARGUMENT if that is longer than 64 characters.
absl::StatusOr<std::string> KernelHostname(const Json& pod,
                                           const std::string& node_name,
                                           const DnsOptions& options);
// Content of the pod's /etc/hosts, for a host-network pod the node's own file
// with the pod's aliases.
std::string HostsFile(const Json& pod, const PodAddresses& addresses,
                      const DnsOptions& options);

}  // namespace agent::env

#endif  // CORACLE_AGENT_ENV_ENV_H_
