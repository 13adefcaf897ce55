// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/result.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr int64_t kMaxNumber = std::numeric_limits<int32_t>::max();
// Of a list in a result: far more than any plugin has, and a cap on the work.
constexpr size_t kMaxItems = 4096;

absl::Status ReadOptional(const Json& json, absl::string_view key, int64_t most,
                          std::optional<int64_t>& to) {
  if (!runtime::Has(json, key) || runtime::At(json, key).is_null()) {
    return absl::OkStatus();
  }
  int64_t number = 0;
  RETURN_IF_ERROR(ReadNumber(json, key, 0, most, number));
  to = number;
  return absl::OkStatus();
}

absl::StatusOr<Interface> ParseInterface(const Json& json) {
  RETURN_IF_ERROR(CheckObject(json));
  Interface interface;
  RETURN_IF_ERROR(Read(json, "name", interface.name));
  RETURN_IF_ERROR(Read(json, "mac", interface.mac));
  RETURN_IF_ERROR(Read(json, "sandbox", interface.sandbox));
  RETURN_IF_ERROR(ReadNumber(json, "mtu", 0, kMaxNumber, interface.mtu));
  RETURN_IF_ERROR(Read(json, "socketPath", interface.socket_path));
  RETURN_IF_ERROR(Read(json, "pciID", interface.pci_id));
  if (interface.name.empty()) return FieldError("name", "is missing");
  return interface;
}

absl::StatusOr<IpConfig> ParseIpConfig(const Json& json, size_t interfaces) {
  RETURN_IF_ERROR(CheckObject(json));
  IpConfig ip;
  if (runtime::At(json, "address").is_null()) {
    return FieldError("address", "is missing");
  }
  RETURN_IF_ERROR(Read(json, "address", ip.address));
  RETURN_IF_ERROR(Read(json, "gateway", ip.gateway));
  RETURN_IF_ERROR(ReadOptional(json, "interface", kMaxNumber, ip.interface));
  if (ip.interface.has_value() &&
      static_cast<size_t>(*ip.interface) >= interfaces) {
    return FieldError(
        "interface", absl::StrCat("index ", *ip.interface, " into ", interfaces,
                                  " interfaces"));
  }
  return ip;
}

Json PrintInterface(const Interface& interface, bool v110) {
  Json json{{"name", interface.name}};
  if (!interface.mac.empty()) json["mac"] = interface.mac;
  if (!interface.sandbox.empty()) json["sandbox"] = interface.sandbox;
  if (!v110) return json;
  if (interface.mtu != 0) json["mtu"] = interface.mtu;
  if (!interface.socket_path.empty()) {
    json["socketPath"] = interface.socket_path;
  }
  if (!interface.pci_id.empty()) json["pciID"] = interface.pci_id;
  return json;
}

Json PrintIpConfig(const IpConfig& ip, bool with_family) {
  Json json{{"address", ip.address.ToString()}};
  if (with_family) json["version"] = ip.address.ip.v6() ? "6" : "4";
  if (ip.gateway.has_value()) json["gateway"] = ip.gateway->ToString();
  if (ip.interface.has_value()) json["interface"] = *ip.interface;
  return json;
}

Json PrintDns(const DnsInfo& dns) {
  Json json = Json::object();
  if (!dns.nameservers.empty()) json["nameservers"] = dns.nameservers;
  if (!dns.domain.empty()) json["domain"] = dns.domain;
  if (!dns.search.empty()) json["search"] = dns.search;
  if (!dns.options.empty()) json["options"] = dns.options;
  return json;
}

}  // namespace

bool DnsInfo::empty() const {
  return nameservers.empty() && search.empty() && options.empty() &&
         domain.empty();
}

const std::vector<std::string>& SupportedVersions() {
  static const auto& versions = *new std::vector<std::string>{
      "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
  return versions;
}

bool IsSupported(absl::string_view version) {
  const std::vector<std::string>& all = SupportedVersions();
  return std::find(all.begin(), all.end(), version) != all.end();
}

bool AtLeast(absl::string_view version, absl::string_view least) {
  // All supported ones have three digits: their order is that of the text.
  return version >= least;
}

absl::StatusOr<Route> ParseRoute(const Json& json) {
  RETURN_IF_ERROR(CheckObject(json));
  Route route;
  if (runtime::At(json, "dst").is_null()) {
    return FieldError("dst", "is missing");
  }
  RETURN_IF_ERROR(Read(json, "dst", route.dst));
  RETURN_IF_ERROR(Read(json, "gw", route.gateway));
  RETURN_IF_ERROR(ReadOptional(json, "mtu", kMaxNumber, route.mtu));
  RETURN_IF_ERROR(ReadOptional(json, "advmss", kMaxNumber, route.advmss));
  RETURN_IF_ERROR(ReadOptional(json, "priority", kMaxNumber, route.priority));
  RETURN_IF_ERROR(ReadOptional(json, "table", kMaxNumber, route.table));
  RETURN_IF_ERROR(ReadOptional(json, "scope", 255, route.scope));
  return route;
}

Json PrintRoute(const Route& route, absl::string_view version) {
  Json json{{"dst", route.dst.ToString()}};
  if (route.gateway.has_value()) json["gw"] = route.gateway->ToString();
  if (!AtLeast(version, "1.1.0")) return json;
  if (route.mtu.has_value()) json["mtu"] = *route.mtu;
  if (route.advmss.has_value()) json["advmss"] = *route.advmss;
  if (route.priority.has_value()) json["priority"] = *route.priority;
  if (route.table.has_value()) json["table"] = *route.table;
  if (route.scope.has_value()) json["scope"] = *route.scope;
  return json;
}

absl::StatusOr<DnsInfo> ParseDns(const Json& json) {
  RETURN_IF_ERROR(CheckObject(json));
  DnsInfo dns;
  RETURN_IF_ERROR(Read(json, "nameservers", dns.nameservers));
  RETURN_IF_ERROR(Read(json, "domain", dns.domain));
  RETURN_IF_ERROR(Read(json, "search", dns.search));
  RETURN_IF_ERROR(Read(json, "options", dns.options));
  return dns;
}

absl::StatusOr<Result> ParseResult(const Json& json,
                                   absl::string_view version) {
  if (!json.is_object()) {
    return absl::InvalidArgumentError("the result is not a JSON object");
  }
  std::string own(version);
  RETURN_IF_ERROR(Read(json, "cniVersion", own));
  if (!own.empty() && !IsSupported(own)) {
    return FieldError("cniVersion",
                      absl::StrCat("\"", own, "\" is not one of ",
                                   absl::StrJoin(SupportedVersions(), ", ")));
  }
  for (const char* list : {"interfaces", "ips", "routes"}) {
    if (runtime::ArrayAt(json, list).size() > kMaxItems) {
      return FieldError(list, absl::StrCat("more than ", kMaxItems, " items"));
    }
  }
  Result result;
  RETURN_IF_ERROR(
      ReadEach(json, "interfaces", [&](const Json& item) -> absl::Status {
        ASSIGN_OR_RETURN(result.interfaces.emplace_back(),
                         ParseInterface(item));
        return absl::OkStatus();
      }));
  RETURN_IF_ERROR(ReadEach(json, "ips", [&](const Json& item) -> absl::Status {
    ASSIGN_OR_RETURN(result.ips.emplace_back(),
                     ParseIpConfig(item, result.interfaces.size()));
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(
      ReadEach(json, "routes", [&](const Json& item) -> absl::Status {
        ASSIGN_OR_RETURN(result.routes.emplace_back(), ParseRoute(item));
        return absl::OkStatus();
      }));
  const Json& dns = runtime::At(json, "dns");
  if (dns.is_null()) return result;
  absl::StatusOr<DnsInfo> parsed = ParseDns(dns);
  if (!parsed.ok()) return Within(parsed.status(), "dns");
  result.dns = *std::move(parsed);
  return result;
}

Json PrintResult(const Result& result, absl::string_view version) {
  Json json{{"cniVersion", version}, {"dns", PrintDns(result.dns)}};
  for (const Interface& interface : result.interfaces) {
    json["interfaces"].push_back(
        PrintInterface(interface, AtLeast(version, "1.1.0")));
  }
  for (const IpConfig& ip : result.ips) {
    json["ips"].push_back(PrintIpConfig(ip, !AtLeast(version, "1.0.0")));
  }
  for (const Route& route : result.routes) {
    json["routes"].push_back(PrintRoute(route, version));
  }
  return json;
}

std::vector<std::string> PodIps(const Result& result, absl::string_view name) {
  std::vector<std::string> ips;
  for (const bool v6 : {false, true}) {
    for (const IpConfig& ip : result.ips) {
      if (ip.address.ip.v6() != v6) continue;
      if (ip.interface.has_value()) {
        const Interface& at = result.interfaces[*ip.interface];
        if (at.sandbox.empty() || at.name != name) continue;
      }
      ips.push_back(ip.address.ip.ToString());
    }
  }
  return ips;
}

}  // namespace cri::network::cni
