// SPDX-License-Identifier: Apache-2.0
#include "agent/node/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

bool IsIpv6(const std::string& ip) { return ip.find(':') != std::string::npos; }

// Why `ip` can never be a node's address, "" if it can.
std::string Unfit(const std::string& ip) {
  in_addr four = {};
  in6_addr six = {};
  if (inet_pton(AF_INET, ip.c_str(), &four) == 1) {
    const uint32_t host = ntohl(four.s_addr);
    if (host == INADDR_ANY) return "is unspecified";
    if (host >> 24 == 127) return "is a loopback address";
    if (host >> 16 == 0xa9fe) return "is a link-local address";
    if (IN_MULTICAST(host)) return "is a multicast address";
    return "";
  }
  if (inet_pton(AF_INET6, ip.c_str(), &six) != 1) return "is no IP address";
  if (IN6_IS_ADDR_UNSPECIFIED(&six)) return "is unspecified";
  if (IN6_IS_ADDR_LOOPBACK(&six)) return "is a loopback address";
  if (IN6_IS_ADDR_LINKLOCAL(&six)) return "is a link-local address";
  if (IN6_IS_ADDR_MULTICAST(&six)) return "is a multicast address";
  return "";
}

std::vector<std::string> Detected(const std::vector<LocalAddress>& local,
                                  const std::string& node_name) {
  const auto hosts = runtime::ReadFile("/etc/hosts");
  if (hosts.ok()) {
    const std::string ip = HostsLookup(*hosts, node_name);
    if (!ip.empty() && CheckNodeIp(ip, local).ok()) return {ip};
  }
  const auto routes = runtime::ReadFile("/proc/net/route");
  const std::string interface = routes.ok() ? DefaultInterface(*routes) : "";
  for (const bool any : {false, true}) {
    for (const LocalAddress& address : local) {
      if ((any || address.interface == interface) &&
          Unfit(address.ip).empty()) {
        return {address.ip};
      }
    }
  }
  return {};
}

}  // namespace

absl::StatusOr<std::vector<LocalAddress>> LocalAddresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return runtime::ErrnoStatus("getifaddrs");
  const auto free_list = absl::MakeCleanup([list] { freeifaddrs(list); });
  std::vector<LocalAddress> result;
  for (const ifaddrs* item = list; item != nullptr; item = item->ifa_next) {
    if (item->ifa_addr == nullptr || (item->ifa_flags & IFF_UP) == 0) continue;
    const int family = item->ifa_addr->sa_family;
    char text[INET6_ADDRSTRLEN] = "";
    if (family == AF_INET) {
      const auto* address = reinterpret_cast<sockaddr_in*>(item->ifa_addr);
      inet_ntop(family, &address->sin_addr, text, sizeof text);
    } else if (family == AF_INET6) {
      const auto* address = reinterpret_cast<sockaddr_in6*>(item->ifa_addr);
      inet_ntop(family, &address->sin6_addr, text, sizeof text);
    } else {
      continue;
    }
    result.push_back({item->ifa_name, text});
  }
  // IPv4 first, so that a default on a dual-stack host is what peers expect.
  std::stable_partition(result.begin(), result.end(),
                        [](const auto& a) { return !IsIpv6(a.ip); });
  return result;
}

absl::Status CheckNodeIp(const std::string& ip,
                         const std::vector<LocalAddress>& local) {
  if (const std::string why = Unfit(ip); !why.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("node IP ", ip, " ", why));
  }
  for (const LocalAddress& address : local) {
    if (address.ip == ip) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("node IP ", ip, " is on no network interface of this host"));
}

absl::StatusOr<std::vector<std::string>> NodeIps(const std::string& wanted,
                                                 const std::string& node_name) {
  ASSIGN_OR_RETURN(const std::vector<LocalAddress> local, LocalAddresses());
  std::vector<std::string> ips = absl::StrSplit(wanted, ',', absl::SkipEmpty());
  if (ips.empty()) {
    ips = Detected(local, node_name);
    if (ips.empty()) {
      return absl::FailedPreconditionError(
          "no address of this host can be the node's IP (only loopback or "
          "link-local ones); give one with --node-ip");
    }
    return ips;
  }
  for (const std::string& ip : ips) RETURN_IF_ERROR(CheckNodeIp(ip, local));
  if (ips.size() > 2 || (ips.size() == 2 && IsIpv6(ips[0]) == IsIpv6(ips[1]))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--node-ip ", wanted, ": two addresses must be one IPv4, one IPv6"));
  }
  return ips;
}

std::string HostsLookup(absl::string_view hosts, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(hosts, '\n')) {
    line = line.substr(0, line.find('#'));
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.size() > 1 &&
        std::find(words.begin() + 1, words.end(), name) != words.end()) {
      return words[0];
    }
  }
  return "";
}

std::string DefaultInterface(absl::string_view routes) {
  for (const absl::string_view line : absl::StrSplit(routes, '\n')) {
    const std::vector<std::string> fields =
        absl::StrSplit(line, '\t', absl::SkipEmpty());
    if (fields.size() > 7 && fields[1] == "00000000" &&
        fields[7] == "00000000") {
      return fields[0];
    }
  }
  return "";
}

}  // namespace agent::node
