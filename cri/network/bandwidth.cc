// SPDX-License-Identifier: Apache-2.0
// Needs CONFIG_NET_SCH_TBF; pods that ask for a limit are refused without.
#include "cri/network/bandwidth.h"

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace cri::network {
namespace {

constexpr double kLeast = 1e3;
constexpr double kMost = 1e15;

// How long a link that was idle may send at full speed, and how long a packet
// may wait for its turn.
constexpr uint64_t kBurstsPerSecond = 20;
constexpr uint64_t kQueuesPerSecond = 40;
constexpr uint64_t kMostBurst = 16 << 20;
constexpr uint64_t kLeastQueue = 64 << 10;

// The factor of a quantity's suffix; 0 if there is no such.
double FactorOf(absl::string_view suffix) {
  static constexpr std::pair<absl::string_view, double> kFactors[] = {
      {"", 1},           {"m", 1e-3},       {"k", 1e3},
      {"M", 1e6},        {"G", 1e9},        {"T", 1e12},
      {"P", 1e15},       {"Ki", 1024.},     {"Mi", 1048576.},
      {"Gi", 0x1.0p+30}, {"Ti", 0x1.0p+40}, {"Pi", 0x1.0p+50}};
  for (const auto& [name, factor] : kFactors) {
    if (name == suffix) return factor;
  }
  return 0;
}

absl::StatusOr<uint64_t> Parse(absl::string_view name, absl::string_view text) {
  // Digits, perhaps with a point or an exponent, then the suffix.
  const size_t end = text.find_first_not_of("0123456789.");
  absl::string_view number = text.substr(0, end);
  absl::string_view suffix = text.substr(number.size());
  if (!suffix.empty() && (suffix[0] == 'e' || suffix[0] == 'E')) {
    number = text;
    suffix = "";
  }
  double value = 0;
  const double factor = FactorOf(suffix);
  if (number.empty() || factor == 0 || !absl::SimpleAtod(number, &value)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "annotation ", name, ": \"", text, "\" is not a quantity"));
  }
  value = std::ceil(value * factor);
  if (!(value >= kLeast && value <= kMost)) {
    return absl::InvalidArgumentError(
        absl::StrCat("annotation ", name, ": \"", text,
                     "\" is not from 1k to 1P bits per second"));
  }
  return static_cast<uint64_t>(value);
}

}  // namespace

absl::StatusOr<Bandwidth> ParseBandwidth(
    const std::map<std::string, std::string>& annotations) {
  Bandwidth bandwidth;
  const std::pair<const char*, uint64_t*> kLimits[] = {
      {kIngressBandwidth, &bandwidth.ingress},
      {kEgressBandwidth, &bandwidth.egress}};
  for (const auto& [name, limit] : kLimits) {
    const auto it = annotations.find(name);
    if (it == annotations.end()) continue;
    ASSIGN_OR_RETURN(*limit, Parse(name, it->second));
  }
  return bandwidth;
}

absl::Status LimitLink(Socket& rtnl, const Link& link,
                       uint64_t bits_per_second) {
  const uint64_t rate = bits_per_second / 8;
  const uint64_t burst =
      std::clamp(rate / kBurstsPerSecond,
                 2 * uint64_t{link.mtu + ETHER_HDR_LEN}, kMostBurst);
  const uint64_t queue = std::min<uint64_t>(
      burst + std::max(rate / kQueuesPerSecond, kLeastQueue), UINT32_MAX);
  tc_tbf_qopt options{};
  options.rate.linklayer = TC_LINKLAYER_ETHERNET;
  options.rate.rate =
      static_cast<uint32_t>(std::min<uint64_t>(rate, UINT32_MAX));
  options.limit = static_cast<uint32_t>(queue);
  Message message(absl::StrCat("limit link ", link.name), RTM_NEWQDISC,
                  NLM_F_CREATE | NLM_F_REPLACE);
  auto* info = message.Header<tcmsg>();
  info->tcm_ifindex = link.index;
  info->tcm_parent = TC_H_ROOT;
  info->tcm_handle = TC_H_MAKE(1 << 16, 0);
  message.PutText(TCA_KIND, "tbf").Nest(TCA_OPTIONS, [&] {
    const auto bytes = [](const auto& value) {
      return absl::Span<const uint8_t>(reinterpret_cast<const uint8_t*>(&value),
                                       sizeof value);
    };
    message.Put(TCA_TBF_PARMS, bytes(options))
        .Put(TCA_TBF_RATE64, bytes(rate))
        .PutU32(TCA_TBF_BURST, static_cast<uint32_t>(burst));
  });
  const absl::Status limited = rtnl.Run(message);
  if (!absl::IsNotFound(limited)) return limited;
  return absl::UnimplementedError(
      absl::StrCat("limit link ", link.name,
                   ": this kernel has no token bucket filter "
                   "(CONFIG_NET_SCH_TBF)"));
}

}  // namespace cri::network
