// SPDX-License-Identifier: Apache-2.0
// The result of ADD (CNI spec, section 5) in every version from 0.3.0 to 1.1.0.
// Plain values, no I/O.
#ifndef CORACLE_CRI_NETWORK_CNI_SPEC_RESULT_H_
#define CORACLE_CRI_NETWORK_CNI_SPEC_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/network/cni/spec/address.h"
#include "cri/network/cni/spec/fields.h"

namespace cri::network::cni {

struct Interface {
  std::string name, mac;
  std::string sandbox;  // path of its namespace, "" = the node's
  // 1.1.0 only:
  int64_t mtu = 0;
  std::string socket_path, pci_id;
};

struct IpConfig {
  IpNet address;
  std::optional<Ip> gateway;
  std::optional<int64_t> interface;  // index into the interfaces
};

struct Route {
  IpNet dst;
  std::optional<Ip> gateway;
  // 1.1.0 only; a key that is absent stays absent.
  std::optional<int64_t> mtu, advmss, priority, table, scope;
};

struct DnsInfo {
  std::vector<std::string> nameservers, search, options;
  std::string domain;
  bool empty() const;
};

struct Result {
  std::vector<Interface> interfaces;
  std::vector<IpConfig> ips;
  std::vector<Route> routes;
  DnsInfo dns;
};

// Supported versions of the spec, oldest first.
const std::vector<std::string>& SupportedVersions();
bool IsSupported(absl::string_view version);
// Whether `version`, a supported one, is `least` or newer.
bool AtLeast(absl::string_view version, absl::string_view least);

// A result of any supported version. Without "cniVersion" it has `version`, the
// one of the request, as plugins of old leave it out. INVALID_ARGUMENT names
// the field.
absl::StatusOr<Result> ParseResult(const Json& json, absl::string_view version);
// The result as `version` writes it: what the version does not know is left
// out.
Json PrintResult(const Result& result, absl::string_view version);

absl::StatusOr<Route> ParseRoute(const Json& json);
Json PrintRoute(const Route& route, absl::string_view version);
absl::StatusOr<DnsInfo> ParseDns(const Json& json);

// The addresses of the pod's interface `name` in `result`, IPv4 before IPv6,
// otherwise in order.
std::vector<std::string> PodIps(const Result& result, absl::string_view name);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_SPEC_RESULT_H_
