// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/payload.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "agent/env/env.h"
#include "runtime/base/status.h"

namespace agent::volume {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::BoolAt;
using runtime::Has;
using runtime::IntAt;
using runtime::ObjectAt;
using runtime::StringAt;

constexpr mode_t kDefaultMode = 0644;

mode_t ItemMode(const Json& item, mode_t fallback) {
  return static_cast<mode_t>(IntAt(item, "mode", fallback)) & 07777;
}

// A ConfigMap or Secret as plain name → bytes.
using Data = std::map<std::string, std::string>;

absl::Status AddData(const Json& members, bool encoded, Data* out) {
  for (const auto& [key, value] : members.items()) {
    if (!value.is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat("key ", key, ": expected a string"));
    }
    const auto& text = value.get_ref<const std::string&>();
    std::string bytes;
    if (!encoded) {
      bytes = text;
    } else if (!absl::Base64Unescape(text, &bytes)) {
      return absl::InvalidArgumentError(
          absl::StrCat("key ", key, ": not base64"));
    }
    (*out)[key] = std::move(bytes);
  }
  return absl::OkStatus();
}

absl::StatusOr<Payload> Select(const Data& data, const Json& source,
                               absl::string_view missing, mode_t mode) {
  Payload payload;
  const Json& items = ArrayAt(source, "items");
  if (items.empty()) {
    for (const auto& [key, bytes] : data) payload[key] = {bytes, mode, {}};
    return payload;
  }
  for (const Json& item : items) {
    std::string key = StringAt(item, "key");
    auto it = data.find(key);
    if (it == data.end()) {
      if (BoolAt(source, "optional")) continue;
      return absl::NotFoundError(absl::StrCat(missing, key));
    }
    payload[StringAt(item, "path")] = {it->second, ItemMode(item, mode), {}};
  }
  return payload;
}

absl::Status Missing(absl::string_view kind, const std::string& name) {
  return absl::NotFoundError(absl::StrCat(kind, " \"", name, "\" not found"));
}

}  // namespace

mode_t DefaultMode(const Json& source) {
  return static_cast<mode_t>(IntAt(source, "defaultMode", kDefaultMode)) &
         07777;
}

absl::StatusOr<Payload> ConfigMapPayload(const PayloadContext& context,
                                         const Json& source,
                                         const std::string& name, mode_t mode) {
  std::string ns = StringAt(context.pod, {"metadata", "namespace"}, "default");
  absl::StatusOr<object::JsonPtr> found = context.objects.ConfigMap(ns, name);
  if (absl::IsNotFound(found.status())) {
    if (BoolAt(source, "optional")) return Payload();
    return Missing("configmap", name);
  }
  RETURN_IF_ERROR(found.status());
  Data data;
  RETURN_IF_ERROR(AddData(ObjectAt(**found, "data"), false, &data));
  RETURN_IF_ERROR(AddData(ObjectAt(**found, "binaryData"), true, &data));
  return Select(data, source,
                "configmap references non-existent config key: ", mode);
}

absl::StatusOr<Payload> SecretPayload(const PayloadContext& context,
                                      const Json& source,
                                      const std::string& name, mode_t mode) {
  std::string ns = StringAt(context.pod, {"metadata", "namespace"}, "default");
  absl::StatusOr<object::JsonPtr> found = context.objects.Secret(ns, name);
  if (absl::IsNotFound(found.status())) {
    if (BoolAt(source, "optional")) return Payload();
    return Missing("secret", name);
  }
  RETURN_IF_ERROR(found.status());
  Data data;
  RETURN_IF_ERROR(AddData(ObjectAt(**found, "data"), true, &data));
  return Select(data, source, "references non-existent secret key: ", mode);
}

absl::StatusOr<Payload> DownwardPayload(const PayloadContext& context,
                                        const Json& source, mode_t mode) {
  env::PodAddresses addresses;
  addresses.host_ips = context.node.host_ips;
  for (const Json& ip : ArrayAt(At(context.pod, "status"), "podIPs")) {
    addresses.pod_ips.push_back(StringAt(ip, "ip"));
  }
  Payload payload;
  for (const Json& item : ArrayAt(source, "items")) {
    std::string path = StringAt(item, "path");
    absl::StatusOr<std::string> value;
    if (Has(item, "fieldRef")) {
      value = env::FieldValue(context.pod,
                              StringAt(item, {"fieldRef", "fieldPath"}),
                              addresses, context.node);
    } else if (Has(item, "resourceFieldRef")) {
      value = env::ResourceValue(context.pod, Json::object(),
                                 At(item, "resourceFieldRef"), context.node);
    } else {
      value = absl::InvalidArgumentError(
          "neither fieldRef nor resourceFieldRef is set");
    }
    if (!value.ok()) return runtime::Annotate(value.status(), path);
    payload[path] = {*std::move(value), ItemMode(item, mode), {}};
  }
  return payload;
}

}  // namespace agent::volume
