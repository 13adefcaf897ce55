// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/image_auth.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace agent::pod {
namespace {

using runtime::Json;

// "docker.io/library/x" for "x": the registry host of a short name.
std::string WithHost(const std::string& image) {
  std::vector<std::string> parts =
      absl::StrSplit(image, absl::MaxSplits('/', 1));
  bool host = parts.size() == 2 &&
              (absl::StrContains(parts[0], '.') ||
               absl::StrContains(parts[0], ':') || parts[0] == "localhost");
  return host ? image : absl::StrCat("docker.io/", image);
}

// Key of the config without scheme and API suffix; old docker.io spelling.
std::string CleanKey(absl::string_view key) {
  absl::ConsumePrefix(&key, "https://");
  absl::ConsumePrefix(&key, "http://");
  while (absl::ConsumeSuffix(&key, "/")) {
  }
  absl::ConsumeSuffix(&key, "/v1");
  absl::ConsumeSuffix(&key, "/v2");
  if (key == "index.docker.io") return "docker.io";
  return std::string(key);
}

// "*.example.com" matches one label per star.
bool HostMatches(absl::string_view pattern, absl::string_view host) {
  std::vector<absl::string_view> want = absl::StrSplit(pattern, '.');
  std::vector<absl::string_view> have = absl::StrSplit(host, '.');
  if (want.size() != have.size()) return false;
  for (size_t i = 0; i < want.size(); ++i) {
    if (want[i] != "*" && want[i] != have[i]) return false;
  }
  return true;
}

bool Matches(const std::string& key, const std::string& image) {
  std::vector<std::string> want = absl::StrSplit(key, absl::MaxSplits('/', 1));
  std::vector<std::string> have =
      absl::StrSplit(image, absl::MaxSplits('/', 1));
  if (!HostMatches(want[0], have[0])) return false;
  if (want.size() == 1) return true;
  return have.size() == 2 &&
         (have[1] == want[1] || absl::StartsWith(have[1], want[1] + "/") ||
          absl::StartsWith(have[1], want[1] + ":") ||
          absl::StartsWith(have[1], want[1] + "@"));
}

::runtime::v1::AuthConfig Read(const Json& entry, const std::string& server) {
  ::runtime::v1::AuthConfig out;
  out.set_username(runtime::StringAt(entry, "username"));
  out.set_password(runtime::StringAt(entry, "password"));
  out.set_identity_token(runtime::StringAt(entry, "identitytoken"));
  out.set_registry_token(runtime::StringAt(entry, "registrytoken"));
  std::string auth = runtime::StringAt(entry, "auth");
  std::string plain;
  if (!auth.empty() && out.username().empty() &&
      absl::Base64Unescape(auth, &plain)) {
    std::vector<std::string> pair =
        absl::StrSplit(plain, absl::MaxSplits(':', 1));
    out.set_username(pair[0]);
    if (pair.size() == 2) {
      out.set_password(
          std::string(absl::StripSuffix(pair[1], std::string(1, '\0'))));
    }
  }
  out.set_server_address(server);
  return out;
}

}  // namespace

std::vector<::runtime::v1::AuthConfig> Credentials(const Json& secret,
                                                   const std::string& image,
                                                   std::string* problem) {
  bool legacy = runtime::StringAt(secret, "type") == "kubernetes.io/dockercfg";
  const char* key = legacy ? ".dockercfg" : ".dockerconfigjson";
  std::string name = runtime::StringAt(secret, {"metadata", "name"});
  std::string text;
  if (!absl::Base64Unescape(runtime::StringAt(secret, {"data", key}), &text) ||
      text.empty()) {
    *problem = absl::StrCat("secret \"", name, "\" has no usable ", key);
    return {};
  }
  auto config = runtime::ParseJson(text, key);
  if (!config.ok()) {
    *problem =
        absl::StrCat("secret \"", name, "\": ", config.status().message());
    return {};
  }
  const Json& auths = legacy ? *config : runtime::At(*config, "auths");
  std::string full = WithHost(image);
  std::vector<std::pair<std::string, ::runtime::v1::AuthConfig>> found;
  for (const auto& [server, entry] : auths.items()) {
    std::string clean = CleanKey(server);
    if (Matches(clean, full)) found.emplace_back(clean, Read(entry, server));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) {
                     return a.first.size() > b.first.size();
                   });
  std::vector<::runtime::v1::AuthConfig> out;
  for (auto& [unused, auth] : found) out.push_back(std::move(auth));
  return out;
}

}  // namespace agent::pod
