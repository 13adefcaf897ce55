// SPDX-License-Identifier: Apache-2.0
#include "agent/object/references.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace agent::object {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::IntAt;
using runtime::StringAt;

class Collector {
 public:
  explicit Collector(std::string ns) : ns_(std::move(ns)) {}

  void Add(Kind kind, const std::string& name) {
    if (!name.empty()) keys.insert({kind, ns_, name});
  }
  void AddContainer(const Json& container) {
    for (const Json& variable : ArrayAt(container, "env")) {
      const Json& from = At(variable, "valueFrom");
      Add(Kind::kConfigMap, StringAt(from, {"configMapKeyRef", "name"}));
      Add(Kind::kSecret, StringAt(from, {"secretKeyRef", "name"}));
    }
    for (const Json& from : ArrayAt(container, "envFrom")) {
      Add(Kind::kConfigMap, StringAt(from, {"configMapRef", "name"}));
      Add(Kind::kSecret, StringAt(from, {"secretRef", "name"}));
    }
  }
  void AddVolume(const Json& volume) {
    Add(Kind::kConfigMap, StringAt(volume, {"configMap", "name"}));
    Add(Kind::kSecret, StringAt(volume, {"secret", "secretName"}));
    for (const Json& source : ArrayAt(At(volume, "projected"), "sources")) {
      Add(Kind::kConfigMap, StringAt(source, {"configMap", "name"}));
      Add(Kind::kSecret, StringAt(source, {"secret", "name"}));
    }
  }

  std::set<Key> keys;

 private:
  const std::string ns_;
};

}  // namespace

std::set<Key> ReferencesOf(const Json& pod) {
  Collector collector(StringAt(pod, {"metadata", "namespace"}, "default"));
  const Json& spec = At(pod, "spec");
  for (absl::string_view list :
       {"containers", "initContainers", "ephemeralContainers"}) {
    for (const Json& container : ArrayAt(spec, list)) {
      collector.AddContainer(container);
    }
  }
  for (const Json& volume : ArrayAt(spec, "volumes")) {
    collector.AddVolume(volume);
  }
  for (const Json& secret : ArrayAt(spec, "imagePullSecrets")) {
    collector.Add(Kind::kSecret, StringAt(secret, "name"));
  }
  return std::move(collector.keys);
}

std::vector<TokenReference> TokensOf(const Json& pod) {
  std::vector<TokenReference> tokens;
  for (const Json& volume : ArrayAt(At(pod, "spec"), "volumes")) {
    for (const Json& source : ArrayAt(At(volume, "projected"), "sources")) {
      const Json& token = At(source, "serviceAccountToken");
      if (!token.is_object()) continue;
      TokenReference reference;
      std::string audience = StringAt(token, "audience");
      if (!audience.empty()) reference.audiences.push_back(audience);
      reference.expiration_seconds = IntAt(token, "expirationSeconds", 3600);
      tokens.push_back(std::move(reference));
    }
  }
  return tokens;
}

bool IsObjectName(const std::string& name) {
  if (name.empty() || name.size() > 253) return false;
  for (char c : name) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-' &&
        c != '.' && c != ':') {
      return false;
    }
  }
  return name[0] != '.' && !absl::StrContains(name, "..");
}

}  // namespace agent::object
