// SPDX-License-Identifier: Apache-2.0
// The standard plugins as functions: they read the same request, do the same to
// links, addresses, routes, rules and files, and give the same result as the
// programs of containernetworking/plugins 1.1. Thread safe; they block. "The
// node" is the calling thread's network namespace.
#ifndef CORACLE_CRI_NETWORK_CNI_PLUGIN_PLUGINS_H_
#define CORACLE_CRI_NETWORK_CNI_PLUGIN_PLUGINS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cri/network/cni/spec/call.h"
#include "cri/network/cni/spec/result.h"
#include "runtime/base/json.h"

namespace cri::network::cni {

// What a plugin does for each command.
struct PluginCode {
  absl::StatusOr<Result> (*add)(const Call& call);
  absl::Status (*del)(const Call& call);
  absl::Status (*check)(const Call& call);
  // Null if there is nothing to collect.
  absl::Status (*gc)(const Call& call) = nullptr;
  // OK if the object of the configuration says nothing that the function does
  // not know; otherwise which field it is.
  absl::Status (*understands)(const Json& conf);
  // Whether ADD can be served. Null if nothing but the kernel is needed.
  absl::Status (*status)(const Call& call) = nullptr;
};

// Of bandwidth, bridge, host-local, loopback, portmap, ptp; null for others.
const PluginCode* FindPlugin(absl::string_view type);

const PluginCode& HostLocal();
const PluginCode& Ptp();
const PluginCode& Bridge();
const PluginCode& Loopback();
const PluginCode& Portmap();
const PluginCode& Bandwidth();

// For their implementations:

// OK if all keys of `json` are among `known` or are the protocol's own.
absl::Status OnlyKeys(const Json& json,
                      std::initializer_list<absl::string_view> known);
// OK if "args" says nothing but which addresses are wanted: "ips", "mac".
absl::Status OnlyKnownArgs(const Json& conf);
// The request's prevResult. FAILED_PRECONDITION without one.
absl::StatusOr<Result> PreviousResult(const Call& call);
// The request's own "dns" if it says anything, and be it that a list is empty:
// it takes the place of IPAM's.
absl::StatusOr<std::optional<DnsInfo>> OwnDns(const Json& request);
// The request's cniVersion.
std::string VersionOf(const Call& call);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_PLUGIN_PLUGINS_H_
