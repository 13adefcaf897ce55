// SPDX-License-Identifier: Apache-2.0
#include "agent/env/host_dns.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::env {
namespace {

constexpr char kStub[] = "127.0.0.53";

absl::StatusOr<Dns> ReadResolvConf(const std::string& path) {
  Dns dns;
  ASSIGN_OR_RETURN(std::string text, runtime::ReadFile(path, 1 << 20));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty() || words[0][0] == '#' || words[0][0] == ';') continue;
    std::vector<std::string> rest(words.begin() + 1, words.end());
    if (words[0] == "nameserver") {
      if (rest.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": nameserver without an address"));
      }
      dns.servers.push_back(rest[0]);
    } else if (words[0] == "search") {
      dns.searches.clear();  // the last line counts
      for (absl::string_view domain : rest) {
        if (domain != ".") absl::ConsumeSuffix(&domain, ".");
        dns.searches.emplace_back(domain);
      }
    } else if (words[0] == "options") {
      for (std::string& option : rest) {
        if (std::find(dns.options.begin(), dns.options.end(), option) ==
            dns.options.end()) {
          dns.options.push_back(std::move(option));
        }
      }
    }
  }
  return dns;
}

bool NamesOnlyTheStub(const Dns& dns) {
  return !dns.servers.empty() &&
         std::all_of(dns.servers.begin(), dns.servers.end(),
                     [](const std::string& server) { return server == kStub; });
}

// Of the host itself.
absl::StatusOr<Dns> OwnDns(const DnsOptions& options) {
  ASSIGN_OR_RETURN(Dns dns, ReadResolvConf(options.host_resolv_conf));
  if (!NamesOnlyTheStub(dns)) return dns;
  auto uplink = ReadResolvConf(options.resolved_conf);
  if (absl::IsNotFound(uplink.status())) return dns;
  return uplink;
}

}  // namespace

absl::StatusOr<Dns> HostDns(const DnsOptions& options) {
  if (options.resolv_conf.empty()) {
    Dns none;
    none.servers = {"127.0.0.1"};
    none.searches = {"."};
    return none;
  }
  if (options.resolv_conf == options.host_resolv_conf) return OwnDns(options);
  auto dns = ReadResolvConf(options.resolv_conf);
  if (!absl::IsNotFound(dns.status())) return dns;
  auto own = OwnDns(options);
  if (own.ok()) return own;
  return runtime::Annotate(own.status(),
                           absl::StrCat("resolvConf ", options.resolv_conf,
                                        " is missing, in its place"));
}

std::string ResolvConfWarning(const DnsOptions& options) {
  if (options.resolv_conf.empty() ||
      options.resolv_conf == options.host_resolv_conf ||
      runtime::Exists(options.resolv_conf)) {
    return "";
  }
  return absl::StrCat("resolvConf ", options.resolv_conf,
                      " is missing on this host; pods get the servers of ",
                      options.host_resolv_conf, " while it is");
}

}  // namespace agent::env
