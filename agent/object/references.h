// SPDX-License-Identifier: Apache-2.0
// Which ConfigMaps, Secrets and tokens a pod refers to.
#ifndef CORACLE_AGENT_OBJECT_REFERENCES_H_
#define CORACLE_AGENT_OBJECT_REFERENCES_H_

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/base/json.h"

namespace agent::object {

using runtime::Json;

enum class Kind { kConfigMap, kSecret };

struct Key {
  Kind kind;
  std::string ns, name;
  friend bool operator<(const Key& a, const Key& b) {
    return std::tie(a.kind, a.ns, a.name) < std::tie(b.kind, b.ns, b.name);
  }
};

struct TokenReference {
  std::vector<std::string> audiences;
  int64_t expiration_seconds = 3600;
};

// From env, envFrom, volumes, projected sources and imagePullSecrets.
std::set<Key> ReferencesOf(const Json& pod);
// serviceAccountToken sources of projected volumes.
std::vector<TokenReference> TokensOf(const Json& pod);

// True for what the API server accepts as a name: a name becomes part of a URL
// path.
bool IsObjectName(const std::string& name);

}  // namespace agent::object

#endif  // CORACLE_AGENT_OBJECT_REFERENCES_H_
