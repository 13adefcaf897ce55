// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/env/env.h"
#include "agent/env/expand.h"
#include "agent/env/service.h"
#include "runtime/base/status.h"

namespace agent::env {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::BoolAt;
using runtime::Has;
using runtime::ObjectAt;
using runtime::StringAt;

// Kubernetes 1.34 allows any printable ASCII but '=' in a name.
bool IsVariableName(absl::string_view name) {
  for (char c : name) {
    if (c < 0x20 || c > 0x7e || c == '=') return false;
  }
  return !name.empty();
}

class Builder {
 public:
  Builder(const Json& pod, const Json& container, const PodAddresses& addresses,
          const volume::NodeFacts& node, object::Source& objects)
      : pod_(pod),
        container_(container),
        addresses_(addresses),
        node_(node),
        objects_(objects),
        ns_(StringAt(pod, {"metadata", "namespace"}, "default")) {}

  absl::StatusOr<Variables> Build() {
    bool links = BoolAt(At(pod_, "spec"), "enableServiceLinks", true);
    absl::StatusOr<std::map<std::string, std::string>> services =
        ServiceVariables(ns_, links, objects_);
    if (absl::IsUnavailable(services.status())) {
      return absl::UnavailableError(
          "services have not yet been read at least once, cannot construct "
          "envvars");
    }
    RETURN_IF_ERROR(services.status());
    for (const auto& [name, value] : *services) Set(name, value);
    for (const Json& from : ArrayAt(container_, "envFrom")) {
      RETURN_IF_ERROR(AddAll(from));
    }
    for (const Json& variable : ArrayAt(container_, "env")) {
      RETURN_IF_ERROR(AddOne(variable));
    }
    return std::move(variables_);
  }

 private:
  void Set(const std::string& name, std::string value) {
    auto [it, added] = index_.try_emplace(name, variables_.size());
    if (added) {
      variables_.emplace_back(name, std::move(value));
    } else {
      variables_[it->second].second = std::move(value);
    }
  }

  // The object, or null if it is missing and `optional`.
  absl::StatusOr<object::JsonPtr> Fetch(bool secret, const std::string& name,
                                        bool optional) {
    absl::StatusOr<object::JsonPtr> found =
        secret ? objects_.Secret(ns_, name) : objects_.ConfigMap(ns_, name);
    if (absl::IsNotFound(found.status())) {
      if (optional) return object::JsonPtr();
      return absl::NotFoundError(absl::StrCat(secret ? "secret" : "configmap",
                                              " \"", name, "\" not found"));
    }
    return found;
  }

  static absl::StatusOr<std::string> Value(bool secret, const Json& value,
                                           absl::string_view key) {
    if (!value.is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat("data.", key, ": expected a string"));
    }
    if (!secret) return value.get_ref<const std::string&>();
    std::string decoded;
    if (!absl::Base64Unescape(value.get_ref<const std::string&>(), &decoded)) {
      return absl::InvalidArgumentError(
          absl::StrCat("data.", key, ": not base64"));
    }
    return decoded;
  }

  absl::Status AddAll(const Json& from) {
    bool secret = Has(from, "secretRef");
    const Json& ref = At(from, secret ? "secretRef" : "configMapRef");
    std::string prefix = StringAt(from, "prefix");
    ASSIGN_OR_RETURN(object::JsonPtr found, Fetch(secret, StringAt(ref, "name"),
                                                  BoolAt(ref, "optional")));
    if (found == nullptr) return absl::OkStatus();
    for (const auto& [key, value] : ObjectAt(*found, "data").items()) {
      std::string name = prefix + key;
      if (!IsVariableName(name)) continue;  // as kubelet: left out
      ASSIGN_OR_RETURN(std::string text, Value(secret, value, key));
      Set(name, std::move(text));
    }
    return absl::OkStatus();
  }

  absl::Status AddOne(const Json& variable) {
    std::string name = StringAt(variable, "name");
    if (!IsVariableName(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("env: invalid variable name \"", name, "\""));
    }
    if (const Json& from = At(variable, "valueFrom"); from.is_object()) {
      ASSIGN_OR_RETURN(std::optional<std::string> value, From(name, from));
      if (value) Set(name, *std::move(value));
      return absl::OkStatus();
    }
    Set(name, Expand(StringAt(variable, "value"),
                     [this](absl::string_view key) { return Find(key); }));
    return absl::OkStatus();
  }

  std::optional<std::string> Find(absl::string_view name) const {
    auto it = index_.find(std::string(name));
    if (it == index_.end()) return std::nullopt;
    return variables_[it->second].second;
  }

  // Nothing: an optional reference that is not there.
  absl::StatusOr<std::optional<std::string>> From(const std::string& name,
                                                  const Json& from) {
    if (Has(from, "fieldRef")) {
      return FieldValue(pod_, StringAt(from, {"fieldRef", "fieldPath"}),
                        addresses_, node_);
    }
    if (Has(from, "resourceFieldRef")) {
      return ResourceValue(pod_, container_, At(from, "resourceFieldRef"),
                           node_);
    }
    if (Has(from, "configMapKeyRef")) {
      return FromKey(false, At(from, "configMapKeyRef"));
    }
    if (Has(from, "secretKeyRef")) {
      return FromKey(true, At(from, "secretKeyRef"));
    }
    std::string kind = from.empty() ? "nothing" : from.begin().key();
    return absl::UnimplementedError(
        absl::StrCat("env ", name, ": valueFrom.", kind, " is not supported"));
  }

  absl::StatusOr<std::optional<std::string>> FromKey(bool secret,
                                                     const Json& ref) {
    std::string name = StringAt(ref, "name");
    std::string key = StringAt(ref, "key");
    bool optional = BoolAt(ref, "optional");
    ASSIGN_OR_RETURN(object::JsonPtr found, Fetch(secret, name, optional));
    if (found == nullptr) return std::nullopt;
    const Json& data = ObjectAt(*found, "data");
    if (!Has(data, key)) {
      if (optional) return std::nullopt;
      return absl::NotFoundError(absl::StrCat("couldn't find key ", key, " in ",
                                              secret ? "Secret " : "ConfigMap ",
                                              ns_, "/", name));
    }
    return Value(secret, At(data, key), key);
  }

  const Json& pod_;
  const Json& container_;
  const PodAddresses& addresses_;
  const volume::NodeFacts& node_;
  object::Source& objects_;
  const std::string ns_;
  Variables variables_;
  std::map<std::string, size_t> index_;
};

}  // namespace

absl::StatusOr<Variables> BuildEnvironment(const Json& pod,
                                           const Json& container,
                                           const PodAddresses& addresses,
                                           const volume::NodeFacts& node,
                                           object::Source& objects) {
  return Builder(pod, container, addresses, node, objects).Build();
}

}  // namespace agent::env
