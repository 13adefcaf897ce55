// SPDX-License-Identifier: Apache-2.0
// fieldRef and resourceFieldRef: one field of the pod, or one resource figure
// of a container, as text.
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "agent/env/env.h"
#include "runtime/base/status.h"

namespace agent::env {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::ObjectAt;
using runtime::StringAt;

// A value quoted as Go's %q does it, which is what readers of downward API
// files expect: C escapes, \x for other control bytes.
std::string Quote(absl::string_view value) {
  std::string out = "\"";
  for (char c : value) {
    static constexpr absl::string_view kPlain = "\a\b\f\n\r\t\v\\\"";
    static constexpr absl::string_view kNames = "abfnrtv\\\"";
    size_t at = kPlain.find(c);
    if (at != absl::string_view::npos) {
      out += '\\';
      out += kNames[at];
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

// `key="value"` lines in key order (nlohmann keeps objects sorted).
std::string FormatMap(const Json& map) {
  std::string out;
  for (const auto& [key, value] : map.items()) {
    if (!value.is_string()) continue;
    absl::StrAppend(&out, out.empty() ? "" : "\n", key, "=",
                    Quote(value.get_ref<const std::string&>()));
  }
  return out;
}

const Json* FindContainer(const Json& pod, const std::string& name) {
  for (absl::string_view list :
       {"containers", "initContainers", "ephemeralContainers"}) {
    for (const Json& container : ArrayAt(At(pod, "spec"), list)) {
      if (StringAt(container, "name") == name) return &container;
    }
  }
  return nullptr;
}

// A quantity may come as text or, in a hand-written manifest, as a number.
std::string QuantityText(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  if (value.is_number()) return runtime::DumpJson(value);
  return "";
}

bool IsKnownResource(absl::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" ||
         absl::StartsWith(name, "hugepages-");
}

bool IsZero(const std::string& quantity) {
  absl::StatusOr<int64_t> value = QuantityMilli(quantity);
  return value.ok() && *value == 0;
}

// limits.X: the container's, else the pod's, else what the node can give.
// requests.X: the container's, else its limit, as the API server defaults it.
std::string Figure(const Json& pod, const Json& container, bool limit,
                   const std::string& name, const volume::NodeFacts& node) {
  const Json& resources = At(container, "resources");
  if (!limit) {
    std::string request = QuantityText(At(resources, {"requests", name}));
    if (request.empty()) {
      request = QuantityText(At(resources, {"limits", name}));
    }
    return request.empty() ? "0" : request;
  }
  std::string figure = QuantityText(At(resources, {"limits", name}));
  if (figure.empty() || IsZero(figure)) {
    figure = QuantityText(At(pod, {"spec", "resources", "limits", name}));
  }
  if (figure.empty() || IsZero(figure)) {
    figure = QuantityText(At(node.allocatable, name));
  }
  return figure.empty() ? "0" : figure;
}

}  // namespace

absl::StatusOr<std::string> FieldValue(const Json& pod,
                                       const std::string& field_path,
                                       const PodAddresses& addresses,
                                       const volume::NodeFacts& node) {
  const Json& metadata = At(pod, "metadata");
  const auto& host_ips =
      addresses.host_ips.empty() ? node.host_ips : addresses.host_ips;
  const auto& pod_ips = addresses.pod_ips;
  if (field_path == "metadata.name") return StringAt(metadata, "name");
  if (field_path == "metadata.namespace") {
    return StringAt(metadata, "namespace");
  }
  if (field_path == "metadata.uid") return StringAt(metadata, "uid");
  if (field_path == "spec.nodeName") return node.name;
  if (field_path == "spec.serviceAccountName") {
    return StringAt(pod, {"spec", "serviceAccountName"});
  }
  if (field_path == "status.hostIP") {
    return host_ips.empty() ? "" : host_ips.front();
  }
  if (field_path == "status.hostIPs") return absl::StrJoin(host_ips, ",");
  if (field_path == "status.podIP") {
    return pod_ips.empty() ? "" : pod_ips.front();
  }
  if (field_path == "status.podIPs") return absl::StrJoin(pod_ips, ",");
  for (absl::string_view map : {"labels", "annotations"}) {
    std::string whole = absl::StrCat("metadata.", map);
    if (field_path == whole) return FormatMap(ObjectAt(metadata, map));
    absl::string_view key = field_path;
    if (absl::ConsumePrefix(&key, absl::StrCat(whole, "['")) &&
        absl::ConsumeSuffix(&key, "']")) {
      return StringAt(ObjectAt(metadata, map), key);
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unsupported fieldPath: ", field_path));
}

absl::StatusOr<std::string> ResourceValue(const Json& pod,
                                          const Json& container,
                                          const Json& resource_field_ref,
                                          const volume::NodeFacts& node) {
  std::string container_name = StringAt(resource_field_ref, "containerName");
  const Json* of = &container;
  if (!container_name.empty()) of = FindContainer(pod, container_name);
  if (of == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("container ", container_name, " not found"));
  }
  std::string resource = StringAt(resource_field_ref, "resource");
  absl::string_view name = resource;
  bool limit = absl::ConsumePrefix(&name, "limits.");
  if ((!limit && !absl::ConsumePrefix(&name, "requests.")) ||
      !IsKnownResource(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("unsupported container resource : ", resource));
  }
  std::string figure = Figure(pod, *of, limit, std::string(name), node);
  std::string divisor = QuantityText(At(resource_field_ref, "divisor"));
  if (divisor.empty() || IsZero(divisor)) divisor.assign(1, '1');
  // cpu is counted in thousandths, everything else in whole units.
  auto parse = name == "cpu" ? QuantityMilli : QuantityBytes;
  ASSIGN_OR_RETURN(int64_t value, parse(figure));
  ASSIGN_OR_RETURN(int64_t unit, parse(divisor));
  if (unit <= 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "divisor ", divisor, " of ", resource, " is not positive"));
  }
  return absl::StrCat(value / unit + (value % unit > 0 ? 1 : 0));
}

}  // namespace agent::env
