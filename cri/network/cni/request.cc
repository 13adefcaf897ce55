// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/request.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

using runtime::Json;

constexpr char kIngress[] = "kubernetes.io/ingress-bandwidth";
constexpr char kEgress[] = "kubernetes.io/egress-bandwidth";
// The range that Kubernetes accepts, and the burst that all runtimes give.
constexpr uint64_t kLeastRate = 1000;
constexpr uint64_t kMostRate = 1'000'000'000'000'000;
constexpr uint64_t kBurst = std::numeric_limits<uint32_t>::max();

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

// 0 without the annotation.
absl::StatusOr<uint64_t> Rate(const PodNetwork& pod, const char* annotation) {
  const auto it = pod.annotations.find(annotation);
  if (it == pod.annotations.end()) return uint64_t{0};
  const std::optional<uint64_t> rate = ParseQuantity(it->second);
  if (rate.has_value() && *rate >= kLeastRate && *rate <= kMostRate) {
    return *rate;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("annotation ", annotation, ": \"", it->second,
                   "\" is not a rate in bits per second from 1k to 1P"));
}

absl::StatusOr<Json> Bandwidth(const PodNetwork& pod) {
  ASSIGN_OR_RETURN(const uint64_t ingress, Rate(pod, kIngress));
  ASSIGN_OR_RETURN(const uint64_t egress, Rate(pod, kEgress));
  Json bandwidth = Json::object();
  if (ingress != 0) {
    bandwidth["ingressRate"] = ingress;
    bandwidth["ingressBurst"] = kBurst;
  }
  if (egress != 0) {
    bandwidth["egressRate"] = egress;
    bandwidth["egressBurst"] = kBurst;
  }
  return bandwidth;
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
  ASSIGN_OR_RETURN(Json bandwidth, Bandwidth(pod));
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

std::optional<uint64_t> ParseQuantity(absl::string_view text) {
  static constexpr struct {
    absl::string_view suffix;
    double factor;
  } kSuffixes[] = {{"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30},
                   {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60},
                   {"n", 1e-9},    {"u", 1e-6},    {"m", 1e-3},
                   {"k", 1e3},     {"M", 1e6},     {"G", 1e9},
                   {"T", 1e12},    {"P", 1e15},    {"E", 1e18}};
  double factor = 1;
  for (const auto& [suffix, value] : kSuffixes) {
    if (text.size() > suffix.size() &&
        text.substr(text.size() - suffix.size()) == suffix) {
      factor = value;
      text.remove_suffix(suffix.size());
      break;
    }
  }
  // Only digits, a sign, a point and an exponent: no "inf", no "0x10".
  const bool plain =
      !text.empty() &&
      text.find_first_not_of("0123456789+-.eE") == absl::string_view::npos;
  double number = 0;
  if (!plain || !absl::SimpleAtod(text, &number)) return std::nullopt;
  number = std::ceil(number * factor);
  if (!(number >= 0) || number >= 0x1p63) return std::nullopt;
  return static_cast<uint64_t>(number);
}

}  // namespace cri::network::cni
