// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/ranges.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

absl::StatusOr<Range> ParseRange(const Json& json) {
  RETURN_IF_ERROR(CheckObject(json));
  Range range;
  if (runtime::At(json, "subnet").is_null()) {
    return FieldError("subnet", "is missing");
  }
  RETURN_IF_ERROR(Read(json, "subnet", range.subnet));
  const IpNet& subnet = range.subnet;
  if (subnet.prefix > subnet.ip.bits() - 2) {
    return FieldError("subnet", absl::StrCat("network ", subnet.ToString(),
                                             " is too small to allocate from"));
  }
  if (subnet.ip != subnet.Network()) {
    return FieldError(
        "subnet",
        absl::StrCat("host bits are set; the network of ", subnet.ToString(),
                     " is ", subnet.Network().ToString()));
  }
  range.gateway = range.first = subnet.ip.Next();
  range.last = subnet.ip.Filled(subnet.prefix);
  if (!subnet.ip.v6()) range.last = range.last.Previous();  // broadcast
  std::optional<Ip> gateway, first, last;
  RETURN_IF_ERROR(Read(json, "gateway", gateway));
  RETURN_IF_ERROR(Read(json, "rangeStart", first));
  RETURN_IF_ERROR(Read(json, "rangeEnd", last));
  range.gateway = gateway.value_or(range.gateway);
  for (const auto& [key, ip] :
       {std::pair("rangeStart", first), std::pair("rangeEnd", last)}) {
    if (!ip.has_value() || subnet.Contains(*ip)) continue;
    return FieldError(key, absl::StrCat(ip->ToString(), " is not in network ",
                                        subnet.ToString()));
  }
  range.first = first.value_or(range.first);
  range.last = last.value_or(range.last);
  if (range.last < range.first) {
    return FieldError("rangeEnd", absl::StrCat(range.last.ToString(),
                                               " is before rangeStart ",
                                               range.first.ToString()));
  }
  return range;
}

absl::Status CheckSet(const RangeSet& set) {
  if (set.ranges.empty()) return FieldError("", "an empty range set");
  for (size_t i = 0; i < set.ranges.size(); ++i) {
    if (set.ranges[i].first.v6() != set.ranges[0].first.v6()) {
      return FieldError("", "mixed address families");
    }
    for (size_t j = 0; j < i; ++j) {
      if (!set.ranges[i].Overlaps(set.ranges[j])) continue;
      return FieldError(
          "", absl::StrCat("subnets ", set.ranges[j].subnet.ToString(), " and ",
                           set.ranges[i].subnet.ToString(), " overlap"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadSets(const Json& json, absl::string_view key,
                      std::vector<RangeSet>& sets) {
  return ReadEach(json, key, [&](const Json& item) -> absl::Status {
    RangeSet set;
    // The reader wants a field, the set has none.
    const absl::Status read =
        ReadEach(Json{{"", item}}, "", [&](const Json& one) -> absl::Status {
          ASSIGN_OR_RETURN(set.ranges.emplace_back(), ParseRange(one));
          return absl::OkStatus();
        });
    RETURN_IF_ERROR(read);
    RETURN_IF_ERROR(CheckSet(set));
    sets.push_back(std::move(set));
    return absl::OkStatus();
  });
}

// With or without a prefix length, which says nothing.
absl::Status ReadRequested(const Json& json, std::vector<Ip>& requested) {
  return ReadEach(json, "ips", [&](const Json& item) -> absl::Status {
    if (!item.is_string()) return FieldError("", "expected an address");
    const auto text = item.get<std::string>();
    Ip ip;
    if (absl::StrContains(text, '/')) {
      const absl::StatusOr<IpNet> net = IpNet::Parse(text);
      if (!net.ok()) return FieldError("", net.status().message());
      ip = net->ip;
    } else {
      const absl::StatusOr<Ip> one = ParseIp(text);
      if (!one.ok()) return FieldError("", one.status().message());
      ip = *one;
    }
    if (std::find(requested.begin(), requested.end(), ip) == requested.end()) {
      requested.push_back(ip);
    }
    return absl::OkStatus();
  });
}

}  // namespace

bool Range::Contains(const Ip& ip) const {
  return subnet.Contains(ip) && first <= ip && ip <= last;
}

bool Range::Overlaps(const Range& other) const {
  return Contains(other.first) || Contains(other.last) ||
         other.Contains(first) || other.Contains(last);
}

const Range* RangeSet::Find(const Ip& ip) const {
  for (const Range& range : ranges) {
    if (range.Contains(ip)) return &range;
  }
  return nullptr;
}

bool RangeSet::Overlaps(const RangeSet& other) const {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return std::any_of(other.ranges.begin(), other.ranges.end(),
                       [&](const Range& its) { return range.Overlaps(its); });
  });
}

std::string RangeSet::ToString() const {
  return absl::StrJoin(ranges, ",", [](std::string* out, const Range& range) {
    absl::StrAppend(out, range.first.ToString(), "-", range.last.ToString());
  });
}

absl::StatusOr<bool> RangeSet::Walk(
    const std::optional<Ip>& last,
    const std::function<absl::StatusOr<bool>(const Range&, const Ip&)>& take)
    const {
  // The range of the last address is gone through in two parts: from behind it
  // to the end first, from the beginning to it last.
  size_t start = 0;
  while (last.has_value() && start < ranges.size() &&
         !ranges[start].Contains(*last)) {
    ++start;
  }
  const bool resumes = last.has_value() && start < ranges.size();
  if (!resumes) start = 0;
  for (size_t i = 0; i <= ranges.size(); ++i) {
    const Range& range = ranges[(start + i) % ranges.size()];
    if (i == ranges.size() && !resumes) break;
    Ip ip = i == 0 && resumes ? *last : range.first;
    const Ip end = i == ranges.size() ? *last : range.last;
    if (i == 0 && resumes) {
      if (ip == end) continue;
      ip = ip.Next();
    }
    for (;; ip = ip.Next()) {
      if (ip != range.gateway) {
        ASSIGN_OR_RETURN(const bool taken, take(range, ip));
        if (taken) return true;
      }
      if (ip == end) break;
    }
  }
  return false;
}

absl::StatusOr<HostLocalConf> ParseHostLocal(const Json& request) {
  HostLocalConf conf;
  conf.network = runtime::StringAt(request, "name");
  const Json& ipam = runtime::At(request, "ipam");
  const absl::Status read = [&]() -> absl::Status {
    RETURN_IF_ERROR(CheckObject(ipam));
    RETURN_IF_ERROR(Read(ipam, "dataDir", conf.data_dir));
    RETURN_IF_ERROR(Read(ipam, "resolvConf", conf.resolv_conf));
    RETURN_IF_ERROR(
        ReadEach(ipam, "routes", [&](const Json& item) -> absl::Status {
          ASSIGN_OR_RETURN(conf.routes.emplace_back(), ParseRoute(item));
          return absl::OkStatus();
        }));
    if (!runtime::At(ipam, "subnet").is_null()) {
      RangeSet set;
      ASSIGN_OR_RETURN(set.ranges.emplace_back(), ParseRange(ipam));
      conf.sets.push_back(std::move(set));
    }
    return ReadSets(ipam, "ranges", conf.sets);
  }();
  RETURN_IF_ERROR(Within(read, "ipam"));
  const Json& arguments = runtime::At(request, {"args", "cni"});
  RETURN_IF_ERROR(Within(ReadRequested(arguments, conf.requested), "args.cni"));
  const Json& from_pod = runtime::At(request, "runtimeConfig");
  RETURN_IF_ERROR(
      Within(ReadRequested(from_pod, conf.requested), "runtimeConfig"));
  std::vector<RangeSet> told;
  RETURN_IF_ERROR(
      Within(ReadSets(from_pod, "ipRanges", told), "runtimeConfig"));
  conf.sets.insert(conf.sets.begin(), told.begin(), told.end());
  if (conf.sets.empty()) {
    return FieldError("ipam.ranges", "no ranges of addresses are given");
  }
  for (size_t i = 0; i < conf.sets.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!conf.sets[i].Overlaps(conf.sets[j])) continue;
      return FieldError("ipam.ranges",
                        absl::StrCat("range set ", j, " overlaps with ", i));
    }
  }
  return conf;
}

}  // namespace cri::network::cni
