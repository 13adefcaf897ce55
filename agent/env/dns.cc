// SPDX-License-Identifier: Apache-2.0
// A pod's resolver settings by dnsPolicy and dnsConfig, cut to what resolvers
// can hold.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/env/env.h"
#include "agent/env/host_dns.h"
#include "runtime/base/status.h"

namespace agent::env {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::BoolAt;
using runtime::StringAt;

constexpr size_t kMaxServers = 3;
constexpr size_t kMaxSearches = 32;
constexpr size_t kMaxSearchLength = 2048;

void AppendNew(const std::vector<std::string>& from,
               std::vector<std::string>* to) {
  for (const std::string& item : from) {
    if (std::find(to->begin(), to->end(), item) == to->end()) {
      to->push_back(item);
    }
  }
}

std::vector<std::string> Strings(const Json& array) {
  std::vector<std::string> out;
  for (const Json& item : array) {
    if (item.is_string()) out.push_back(item.get_ref<const std::string&>());
  }
  return out;
}

void UseCluster(const Json& pod, const DnsOptions& options, Dns* dns) {
  dns->servers = options.cluster_dns;
  dns->options = {"ndots:5"};
  if (options.cluster_domain.empty()) return;
  const std::string& domain = options.cluster_domain;
  std::string ns = StringAt(pod, {"metadata", "namespace"}, "default");
  std::vector<std::string> searches = {absl::StrCat(ns, ".svc.", domain),
                                       absl::StrCat("svc.", domain), domain};
  AppendNew(dns->searches, &searches);
  dns->searches = std::move(searches);
}

absl::string_view OptionName(absl::string_view option) {
  return option.substr(0, option.find(':'));
}

// dnsConfig on top: servers and searches are added, an option replaces the one
// of its name.
void Merge(const Json& config, Dns* dns) {
  AppendNew(Strings(ArrayAt(config, "nameservers")), &dns->servers);
  AppendNew(Strings(ArrayAt(config, "searches")), &dns->searches);
  for (const Json& option : ArrayAt(config, "options")) {
    std::string name = StringAt(option, "name");
    if (name.empty()) continue;
    std::string value = StringAt(option, "value");
    std::string text = value.empty() ? name : absl::StrCat(name, ":", value);
    auto same = std::find_if(
        dns->options.begin(), dns->options.end(),
        [&](const std::string& o) { return OptionName(o) == name; });
    if (same == dns->options.end()) {
      dns->options.push_back(text);
    } else {
      *same = text;
    }
  }
}

void Warn(std::string reason, std::string text, Dns* dns) {
  if (!dns->warning.empty()) return;  // the first one names the cause
  dns->warning_reason = std::move(reason);
  dns->warning = std::move(text);
}

void Limit(Dns* dns) {
  bool cut = dns->searches.size() > kMaxSearches;
  if (cut) dns->searches.resize(kMaxSearches);
  while (!dns->searches.empty() &&
         absl::StrJoin(dns->searches, " ").size() > kMaxSearchLength) {
    dns->searches.pop_back();
    cut = true;
  }
  if (cut) {
    Warn("DNSConfigForming",
         absl::StrCat("Search Line limits were exceeded, some search paths "
                      "have been omitted, the applied search line is: ",
                      absl::StrJoin(dns->searches, " ")),
         dns);
  }
  if (dns->servers.size() > kMaxServers) {
    dns->servers.resize(kMaxServers);
    Warn("DNSConfigForming",
         absl::StrCat("Nameserver limits were exceeded, some nameservers have "
                      "been omitted, the applied nameserver line is: ",
                      absl::StrJoin(dns->servers, " ")),
         dns);
  }
}

std::string PodLabel(const Json& pod) {
  return absl::StrCat(StringAt(pod, {"metadata", "name"}), "_",
                      StringAt(pod, {"metadata", "namespace"}), "(",
                      StringAt(pod, {"metadata", "uid"}), ")");
}

}  // namespace

absl::StatusOr<Dns> PodDns(const Json& pod, const DnsOptions& options) {
  const Json& spec = At(pod, "spec");
  std::string policy = StringAt(spec, "dnsPolicy", "ClusterFirst");
  bool cluster = policy == "ClusterFirstWithHostNet" ||
                 (policy == "ClusterFirst" && !BoolAt(spec, "hostNetwork"));
  Dns dns;
  if (policy != "None") {
    if (policy != "Default" && policy != "ClusterFirst" && !cluster) {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid DNSPolicy=", policy));
    }
    ASSIGN_OR_RETURN(dns, HostDns(options));
    if (cluster && !options.cluster_dns.empty()) {
      UseCluster(pod, options, &dns);
    } else if (cluster) {
      Warn("MissingClusterDNS",
           absl::StrCat("pod: \"", PodLabel(pod),
                        "\". kubelet does not have ClusterDNS IP configured "
                        "and cannot create Pod using \"",
                        policy,
                        "\" policy. Falling back to \"Default\" policy."),
           &dns);
    }
  }
  Merge(At(spec, "dnsConfig"), &dns);
  Limit(&dns);
  return dns;
}

}  // namespace agent::env
