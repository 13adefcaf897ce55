// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/plugins.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cri/network/cni/spec/fields.h"
#include "runtime/base/status.h"

namespace cri::network::cni {

const PluginCode* FindPlugin(absl::string_view type) {
  if (type == "bandwidth") return &Bandwidth();
  if (type == "bridge") return &Bridge();
  if (type == "host-local") return &HostLocal();
  if (type == "loopback") return &Loopback();
  if (type == "portmap") return &Portmap();
  if (type == "ptp") return &Ptp();
  return nullptr;
}

absl::Status OnlyKeys(const Json& json,
                      std::initializer_list<absl::string_view> known) {
  static constexpr absl::string_view kProtocol[] = {
      "type",         "name",       "cniVersion",
      "capabilities", "prevResult", "runtimeConfig"};
  for (const auto& item : json.items()) {
    const auto is_key = [&](absl::string_view key) {
      return item.key() == key;
    };
    if (std::any_of(known.begin(), known.end(), is_key) ||
        std::any_of(std::begin(kProtocol), std::end(kProtocol), is_key)) {
      continue;
    }
    return FieldError(item.key(), "is not known here");
  }
  return absl::OkStatus();
}

absl::Status OnlyKnownArgs(const Json& conf) {
  const Json& args = runtime::At(conf, "args");
  if (args.is_null()) return absl::OkStatus();
  const absl::Status known = [&]() -> absl::Status {
    RETURN_IF_ERROR(CheckObject(args));
    RETURN_IF_ERROR(OnlyKeys(args, {"cni"}));
    const Json& ours = runtime::At(args, "cni");
    if (ours.is_null()) return absl::OkStatus();
    RETURN_IF_ERROR(Within(CheckObject(ours), "cni"));
    return Within(OnlyKeys(ours, {"ips", "mac"}), "cni");
  }();
  return Within(known, "args");
}

absl::StatusOr<std::optional<DnsInfo>> OwnDns(const Json& request) {
  const Json& json = runtime::At(request, "dns");
  if (json.is_null()) return std::nullopt;
  absl::StatusOr<DnsInfo> dns = ParseDns(json);
  if (!dns.ok()) return Within(dns.status(), "dns");
  const bool says = !dns->domain.empty() ||
                    !runtime::At(json, "nameservers").is_null() ||
                    !runtime::At(json, "search").is_null() ||
                    !runtime::At(json, "options").is_null();
  if (!says) return std::nullopt;
  return std::optional<DnsInfo>(*std::move(dns));
}

std::string VersionOf(const Call& call) {
  return runtime::StringAt(call.request, "cniVersion");
}

absl::StatusOr<Result> PreviousResult(const Call& call) {
  const Json& previous = runtime::At(call.request, "prevResult");
  if (previous.is_null()) {
    return absl::FailedPreconditionError(
        "it needs the result of the plugins before it (prevResult)");
  }
  absl::StatusOr<Result> result = ParseResult(previous, VersionOf(call));
  if (result.ok()) return result;
  return Within(result.status(), "prevResult");
}

}  // namespace cri::network::cni
