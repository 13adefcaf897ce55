// SPDX-License-Identifier: Apache-2.0
#include "cri/network/sysctl.h"

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

constexpr char kBridged[] = "bridge/bridge-nf-call-iptables";
constexpr char kBridged6[] = "bridge/bridge-nf-call-ip6tables";
constexpr char kForwarding6[] = "ipv6/conf/all/forwarding";

// /proc/sys/net shows the namespace of whoever opens it.
std::string PathOf(absl::string_view name) {
  return absl::StrCat("/proc/sys/net/", name);
}

absl::StatusOr<std::string> Get(absl::string_view name) {
  ASSIGN_OR_RETURN(const std::string text, runtime::ReadFile(PathOf(name), 64));
  return std::string(absl::StripAsciiWhitespace(text));
}

absl::Status Set(absl::string_view name, absl::string_view value) {
  ASSIGN_OR_RETURN(const std::string old, Get(name));
  if (old == value) return absl::OkStatus();
  return runtime::WriteFile(PathOf(name), value);
}

absl::Status SetIfThere(absl::string_view name, absl::string_view value) {
  const absl::Status set = Set(name, value);
  return absl::IsNotFound(set) ? absl::OkStatus() : set;
}

// A node that forwards takes no more advertisements of routers and loses its
// own default route, unless a link says that it wants them even so.
absl::Status KeepRoutersOfNode() {
  ASSIGN_OR_RETURN(const std::vector<std::string> links,
                   runtime::ListDir(PathOf("ipv6/conf")));
  for (const std::string& link : links) {
    if (link == "all" || link == "default") continue;
    const std::string name = absl::StrCat("ipv6/conf/", link, "/accept_ra");
    if (Get(name).value_or("") != "1") continue;
    RETURN_IF_ERROR(SetIfThere(name, "2"));
  }
  return absl::OkStatus();
}

absl::Status EnableIpv6(const std::string& bridge) {
  ASSIGN_OR_RETURN(const std::string forwarding, Get(kForwarding6));
  if (forwarding != "1") RETURN_IF_ERROR(KeepRoutersOfNode());
  RETURN_IF_ERROR(
      Set(absl::StrCat("ipv6/conf/", bridge, "/disable_ipv6"), "0"));
  RETURN_IF_ERROR(Set(kForwarding6, "1"));
  return SetIfThere(kBridged6, "1");
}

}  // namespace

bool HasIpv6() { return runtime::Exists(PathOf("ipv6/conf")); }

bool BridgedIsTranslated() { return Get(kBridged).value_or("0") == "1"; }

absl::Status EnableForwarding(const std::string& bridge,
                              const std::vector<Cidr>& cidrs) {
  const std::string conf = absl::StrCat("ipv4/conf/", bridge);
  RETURN_IF_ERROR(
      SetIfThere(absl::StrCat("ipv6/conf/", bridge, "/accept_ra"), "0"));
  for (const Cidr& cidr : cidrs) {
    if (cidr.family() == Family::kV6) {
      RETURN_IF_ERROR(EnableIpv6(bridge));
      continue;
    }
    RETURN_IF_ERROR(Set("ipv4/ip_forward", "1"));
    RETURN_IF_ERROR(Set(absl::StrCat(conf, "/rp_filter"), "2"));
    RETURN_IF_ERROR(Set(absl::StrCat(conf, "/route_localnet"), "1"));
  }
  // A pod that reaches another one of this bridge through a service address
  // gets the answer by the bridge alone; without this nobody translates it
  // back.
  return SetIfThere(kBridged, "1");
}

void PreparePod(bool ipv6) {
  // Not read before: on a host of many namespaces a look-up in /proc/sys takes
  // as long as there are some.
  absl::Status set =
      runtime::WriteFile(PathOf("ipv6/conf/default/accept_ra"), "0");
  if (absl::IsNotFound(set)) set = absl::OkStatus();
  if (ipv6) {
    set.Update(Set("ipv6/conf/all/disable_ipv6", "0"));
    set.Update(Set("ipv6/conf/default/disable_ipv6", "0"));
  }
  if (!set.ok()) {
    runtime::log::Warning("network: in a pod's namespace: ", set.message());
  }
}

}  // namespace cri::network
