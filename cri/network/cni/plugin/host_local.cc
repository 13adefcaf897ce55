// SPDX-License-Identifier: Apache-2.0
// host-local: one address of each range set, leased in files.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cri/network/cni/plugin/lease_store.h"
#include "cri/network/cni/plugin/plugins.h"
#include "cri/network/cni/plugin/ranges.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

constexpr size_t kMaxResolvConf = 1 << 20;

absl::StatusOr<DnsInfo> ReadResolvConf(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text,
                   runtime::ReadFile(path, kMaxResolvConf));
  DnsInfo dns;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r\v\f"), absl::SkipEmpty());
    if (words.size() < 2) continue;
    const std::string key = words[0];
    words.erase(words.begin());
    if (key == "nameserver") dns.nameservers.push_back(words[0]);
    if (key == "domain") dns.domain = words[0];
    std::vector<std::string>* list = key == "search"    ? &dns.search
                                     : key == "options" ? &dns.options
                                                        : nullptr;
    if (list != nullptr) list->insert(list->end(), words.begin(), words.end());
  }
  return dns;
}

// One that was asked for, or none that is the reason.
absl::StatusOr<IpConfig> Take(LeaseStore& store, const LeaseStore::Owner& owner,
                              const RangeSet& set, size_t number,
                              const Ip& ip) {
  const Range& range = *set.Find(ip);
  if (ip == range.gateway) {
    return absl::FailedPreconditionError(
        absl::StrCat("requested ip ", ip.ToString(), " is subnet's gateway"));
  }
  ASSIGN_OR_RETURN(const bool taken, store.Reserve(owner, ip, number));
  if (taken) return IpConfig{{ip, range.subnet.prefix}, range.gateway};
  return absl::FailedPreconditionError(
      absl::StrCat("requested IP address ", ip.ToString(),
                   " is not available in range set ", set.ToString()));
}

absl::StatusOr<IpConfig> Allocate(LeaseStore& store,
                                  const LeaseStore::Owner& owner,
                                  const RangeSet& set, size_t number) {
  ASSIGN_OR_RETURN(const std::vector<Ip> held, store.Find(owner));
  for (const Ip& ip : held) {
    if (set.Find(ip) == nullptr) continue;
    return absl::AlreadyExistsError(
        absl::StrCat(ip.ToString(), " has been allocated to ", owner.container,
                     ", duplicate allocation is not allowed"));
  }
  IpConfig config;
  ASSIGN_OR_RETURN(
      const bool found,
      set.Walk(store.LastReserved(number),
               [&](const Range& range, const Ip& ip) -> absl::StatusOr<bool> {
                 config.address = {ip, range.subnet.prefix};
                 config.gateway = range.gateway;
                 return store.Reserve(owner, ip, number);
               }));
  if (found) return config;
  return absl::ResourceExhaustedError(
      absl::StrCat("no IP addresses available in range set: ", set.ToString()));
}

// One of each set: the first that is asked for there, or the next free one.
absl::StatusOr<std::vector<IpConfig>> AllocateAll(
    LeaseStore& store, const LeaseStore::Owner& owner,
    const HostLocalConf& conf) {
  std::vector<Ip> requested = conf.requested;
  std::vector<IpConfig> ips;
  absl::Status failed;
  for (size_t i = 0; i < conf.sets.size() && failed.ok(); ++i) {
    const RangeSet& set = conf.sets[i];
    const auto wish =
        std::find_if(requested.begin(), requested.end(),
                     [&](const Ip& ip) { return set.Find(ip) != nullptr; });
    absl::StatusOr<IpConfig> ip = wish != requested.end()
                                      ? Take(store, owner, set, i, *wish)
                                      : Allocate(store, owner, set, i);
    failed = runtime::Annotate(
        ip.status(), absl::StrCat("failed to allocate for range ", i));
    if (ip.ok()) ips.push_back(*std::move(ip));
    if (wish != requested.end()) requested.erase(wish);
  }
  if (failed.ok() && requested.empty()) return ips;
  // What was given goes back, but for what was there before us.
  if (!ips.empty()) store.Release(owner).IgnoreError();
  if (!failed.ok()) return failed;
  return absl::FailedPreconditionError(absl::StrCat(
      "failed to allocate all requested IPs: ",
      absl::StrJoin(requested, " ", [](std::string* out, const Ip& ip) {
        absl::StrAppend(out, ip.ToString());
      })));
}

absl::StatusOr<Result> Add(const Call& call) {
  ASSIGN_OR_RETURN(const HostLocalConf conf, ParseHostLocal(call.request));
  Result result;
  if (!conf.resolv_conf.empty()) {
    ASSIGN_OR_RETURN(result.dns, ReadResolvConf(conf.resolv_conf));
  }
  ASSIGN_OR_RETURN(LeaseStore store,
                   LeaseStore::Open(conf.data_dir, conf.network, call));
  ASSIGN_OR_RETURN(result.ips,
                   AllocateAll(store, {call.container_id, call.ifname}, conf));
  result.routes = conf.routes;
  return result;
}

absl::Status Del(const Call& call) {
  ASSIGN_OR_RETURN(const HostLocalConf conf, ParseHostLocal(call.request));
  ASSIGN_OR_RETURN(LeaseStore store,
                   LeaseStore::Open(conf.data_dir, conf.network, call));
  return store.Release({call.container_id, call.ifname});
}

absl::Status Check(const Call& call) {
  ASSIGN_OR_RETURN(const HostLocalConf conf, ParseHostLocal(call.request));
  ASSIGN_OR_RETURN(LeaseStore store,
                   LeaseStore::Open(conf.data_dir, conf.network, call));
  ASSIGN_OR_RETURN(const std::vector<Ip> held,
                   store.Find({call.container_id, call.ifname}));
  if (!held.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      "host-local: container ", call.container_id, " has no address"));
}

absl::Status Gc(const Call& call) {
  ASSIGN_OR_RETURN(const HostLocalConf conf, ParseHostLocal(call.request));
  std::set<std::pair<std::string, std::string>> valid;
  for (const Json& item :
       runtime::ArrayAt(call.request, "cni.dev/valid-attachments")) {
    valid.emplace(runtime::StringAt(item, "containerID"),
                  runtime::StringAt(item, "ifname"));
  }
  ASSIGN_OR_RETURN(LeaseStore store,
                   LeaseStore::Open(conf.data_dir, conf.network, call));
  return store.Sweep([&](const LeaseStore::Owner& owner) {
    // Old plugins did not note the interface.
    const auto it = valid.lower_bound({owner.container, owner.interface});
    return it != valid.end() && it->first == owner.container &&
           (owner.interface.empty() || it->second == owner.interface);
  });
}

// That no address is free is told by ADD: it is no reason to take the node,
// with all pods that have theirs, for broken. The program does not look either.
absl::Status Status(const Call& call) {
  const std::string dir = runtime::StringAt(call.request, {"ipam", "dataDir"});
  ASSIGN_OR_RETURN(
      const LeaseStore store,
      LeaseStore::Open(dir, runtime::StringAt(call.request, "name"), call));
  return store.CheckWritable();
}

absl::Status UnderstandsRange(const Json& range) {
  RETURN_IF_ERROR(CheckObject(range));
  return OnlyKeys(range, {"subnet", "rangeStart", "rangeEnd", "gateway"});
}

absl::Status Understands(const Json& ipam) {
  RETURN_IF_ERROR(
      OnlyKeys(ipam, {"type", "subnet", "rangeStart", "rangeEnd", "gateway",
                      "routes", "dataDir", "resolvConf", "ranges"}));
  RETURN_IF_ERROR(ReadEach(ipam, "routes", [](const Json& route) {
    return OnlyKeys(route, {"dst", "gw"});
  }));
  return ReadEach(ipam, "ranges", [](const Json& set) {
    return ReadEach(Json{{"", set}}, "", UnderstandsRange);
  });
}

}  // namespace

const PluginCode& HostLocal() {
  static const PluginCode kCode{Add, Del, Check, Gc, Understands, Status};
  return kCode;
}

}  // namespace cri::network::cni
