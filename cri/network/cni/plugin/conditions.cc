// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/conditions.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"

namespace cri::network::cni {
namespace {

// iptables also takes names, lists and masks.
std::optional<IpNet> ParseNetwork(const std::string& text, bool v6) {
  IpNet net;
  if (absl::StrContains(text, '/')) {
    const absl::StatusOr<IpNet> parsed = IpNet::Parse(text);
    if (!parsed.ok() || parsed->prefix == 0) return std::nullopt;
    net = *parsed;
  } else {
    const absl::StatusOr<Ip> ip = ParseIp(text);
    if (!ip.ok()) return std::nullopt;
    net = IpNet::Host(*ip);
  }
  if (net.ip.v6() != v6) return std::nullopt;
  return net;
}

bool IsSource(const std::string& option) {
  return option == "-s" || option == "--source" || option == "--src";
}

bool IsDestination(const std::string& option) {
  return option == "-d" || option == "--destination" || option == "--dst";
}

}  // namespace

absl::StatusOr<Conditions> Conditions::Parse(const Json& conf, bool v6) {
  const char* key = v6 ? "conditionsV6" : "conditionsV4";
  std::vector<std::string> words;
  RETURN_IF_ERROR(Read(conf, key, words));
  const absl::Status unknown = FieldError(
      key, absl::StrCat("of \"", absl::StrJoin(words, " "),
                        "\" only [!] -s NETWORK and [!] -d NETWORK would be "
                        "known here"));
  Conditions conditions;
  for (auto word = words.begin(); word != words.end();) {
    Match match;
    match.negate = *word == "!";
    if (match.negate) ++word;
    if (words.end() - word < 2) return unknown;
    std::optional<Match>& place =
        IsSource(*word) ? conditions.source_ : conditions.destination_;
    if (place.has_value() || !(IsSource(*word) || IsDestination(*word))) {
      return unknown;
    }
    const std::optional<IpNet> net = ParseNetwork(*++word, v6);
    if (!net.has_value()) return unknown;
    match.net = *net;
    place = match;
    ++word;
  }
  return conditions;
}

void Conditions::AddTo(NatRule& rule) const {
  if (source_.has_value()) rule.Source(source_->net, source_->negate);
  if (destination_.has_value()) {
    rule.Destination(destination_->net, destination_->negate);
  }
}

}  // namespace cri::network::cni
