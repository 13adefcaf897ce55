// SPDX-License-Identifier: Apache-2.0
// A pod's host name and /etc/hosts.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "agent/env/env.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::env {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::BoolAt;
using runtime::StringAt;

constexpr size_t kMaxHostname = 63;
constexpr size_t kMaxKernelHostname = 64;

constexpr absl::string_view kLocalNames =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n";

// A word that cannot break out of its line: a manifest from a file has seen no
// API server.
bool IsWord(const std::string& text) {
  for (char c : text) {
    if (c <= 0x20 || c == 0x7f || c == '#') return false;
  }
  return !text.empty();
}

std::string Aliases(const Json& pod) {
  std::string out;
  for (const Json& alias : ArrayAt(At(pod, "spec"), "hostAliases")) {
    std::string ip = StringAt(alias, "ip");
    std::vector<std::string> names;
    for (const Json& name : ArrayAt(alias, "hostnames")) {
      if (!name.is_string()) continue;
      const auto& text = name.get_ref<const std::string&>();
      if (IsWord(text)) names.push_back(text);
    }
    if (!IsWord(ip) || names.empty()) continue;
    absl::StrAppend(&out, ip, "\t", absl::StrJoin(names, "\t"), "\n");
  }
  if (out.empty()) return out;
  return absl::StrCat("\n# Entries added by HostAliases.\n", out);
}

// "<subdomain>.<ns>.svc.<cluster domain>", or "".
std::string PodDomain(const Json& pod, const DnsOptions& options) {
  const Json& spec = At(pod, "spec");
  std::string subdomain = StringAt(spec, "subdomain");
  if (subdomain.empty() || !StringAt(spec, "hostnameOverride").empty()) {
    return "";
  }
  return absl::StrCat(subdomain, ".",
                      StringAt(pod, {"metadata", "namespace"}, "default"),
                      ".svc.", options.cluster_domain);
}

}  // namespace

std::string PodHostname(const Json& pod, const std::string& node_name) {
  const Json& spec = At(pod, "spec");
  std::string name = StringAt(spec, "hostnameOverride");
  if (!name.empty()) return name;
  if (BoolAt(spec, "hostNetwork")) return node_name;
  name = StringAt(spec, "hostname");
  if (name.empty()) name = StringAt(pod, {"metadata", "name"});
  if (name.size() > kMaxHostname) {
    name.resize(kMaxHostname);
    while (!name.empty() && (name.back() == '-' || name.back() == '.')) {
      name.pop_back();
    }
  }
  return name;
}

absl::StatusOr<std::string> KernelHostname(const Json& pod,
                                           const std::string& node_name,
                                           const DnsOptions& options) {
  std::string name = PodHostname(pod, node_name);
  const Json& spec = At(pod, "spec");
  std::string domain = PodDomain(pod, options);
  if (!BoolAt(spec, "setHostnameAsFQDN") || BoolAt(spec, "hostNetwork") ||
      domain.empty()) {
    return name;
  }
  std::string fqdn = absl::StrCat(name, ".", domain);
  if (fqdn.size() > kMaxKernelHostname) {
    return absl::InvalidArgumentError(absl::StrCat(
        "failed to construct FQDN from pod hostname and cluster domain, FQDN ",
        fqdn, " is too long (", kMaxKernelHostname, " characters is the max, ",
        fqdn.size(), " characters requested)"));
  }
  return fqdn;
}

std::string HostsFile(const Json& pod, const PodAddresses& addresses,
                      const DnsOptions& options) {
  if (BoolAt(At(pod, "spec"), "hostNetwork")) {
    absl::StatusOr<std::string> node =
        runtime::ReadFile(options.hosts_file, 1 << 20);
    if (!node.ok()) {
      runtime::log::Warning("hosts file of a host-network pod: ",
                            node.status().message());
    }
    return absl::StrCat("# Kubernetes-managed hosts file (host network).\n",
                        node.ok() ? *node : std::string(kLocalNames),
                        Aliases(pod));
  }
  std::string out =
      absl::StrCat("# Kubernetes-managed hosts file.\n", kLocalNames);
  std::string name = PodHostname(pod, "");
  std::string domain = PodDomain(pod, options);
  if (!IsWord(name) || (!domain.empty() && !IsWord(domain))) {
    runtime::log::Warning("hosts file: the pod's host name is no word");
    return out + Aliases(pod);
  }
  for (const std::string& ip : addresses.pod_ips) {
    if (domain.empty()) {
      absl::StrAppend(&out, ip, "\t", name, "\n");
    } else {
      absl::StrAppend(&out, ip, "\t", name, ".", domain, "\t", name, "\n");
    }
  }
  return out + Aliases(pod);
}

}  // namespace agent::env
