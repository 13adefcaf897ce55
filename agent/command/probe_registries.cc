// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_registries.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cri/image/hosts.h"
#include "cri/image/http.h"
#include "runtime/base/file.h"

namespace agent::command {
namespace {

using ::cri::image::Endpoint;

constexpr absl::Duration kPatience = absl::Seconds(5);
// For every registry without a directory of its own.
constexpr char kDefault[] = "_default";
constexpr char kDirectly[] =
    "each registry is asked directly when its images are pulled";

Finding AskEndpoints(const std::string& host,
                     const std::vector<Endpoint>& endpoints) {
  ::cri::image::HttpClient client;
  std::vector<std::string> answered, silent;
  for (const Endpoint& endpoint : endpoints) {
    ::cri::image::HttpRequest request;
    request.url = endpoint.base + "/";
    request.headers = endpoint.headers;
    request.tls = endpoint.tls;
    const auto response =
        client.Send(request, {.deadline = absl::Now() + kPatience});
    if (response.ok()) {
      answered.push_back(
          absl::StrCat(endpoint.base, " (status ", response->status, ")"));
    } else {
      silent.push_back(
          absl::StrCat(endpoint.base, ": ", response.status().message()));
    }
  }
  const std::string subject = absl::StrCat("registry ", host);
  if (silent.empty()) {
    return {Verdict::kGood, subject,
            absl::StrCat("answers: ", absl::StrJoin(answered, ", ")), ""};
  }
  if (!answered.empty()) {
    return {Verdict::kGood, subject,
            absl::StrCat("answers: ", absl::StrJoin(answered, ", "),
                         "; no answer: ", absl::StrJoin(silent, "; ")),
            ""};
  }
  return {Verdict::kLimited, subject,
          absl::StrCat("no answer: ", absl::StrJoin(silent, "; ")),
          "its images cannot be pulled; look at address, proxy and "
          "certificates in its hosts.toml"};
}

Finding OfHost(const std::string& config_dir, const std::string& directory) {
  const std::string host = RegistryOf(directory);
  auto endpoints = ::cri::image::LoadEndpoints(config_dir, host);
  if (!endpoints.ok()) {
    return {Verdict::kMissing, absl::StrCat("registry ", host),
            std::string(endpoints.status().message()),
            "correct the file: nothing can be pulled by it"};
  }
  if (host == kDefault) {
    // Its last endpoint is the registry itself, and which one is not known.
    endpoints->erase(
        std::remove_if(endpoints->begin(), endpoints->end(),
                       [](const Endpoint& e) { return e.host == kDefault; }),
        endpoints->end());
    if (endpoints->empty()) {
      return {Verdict::kGood, absl::StrCat("registry ", host),
              absl::StrCat("its hosts.toml names no host: ", kDirectly), ""};
    }
  }
  return AskEndpoints(host, *endpoints);
}

}  // namespace

std::string RegistryOf(absl::string_view directory) {
  absl::string_view name = directory;
  if (name == kDefault) return std::string(name);
  absl::ConsumeSuffix(&name, "_");
  const size_t at = name.rfind('_');
  if (at == absl::string_view::npos || at == 0 || at + 1 == name.size() ||
      name.find_first_not_of("0123456789", at + 1) != absl::string_view::npos) {
    return std::string(directory);
  }
  return absl::StrCat(name.substr(0, at), ":", name.substr(at + 1));
}

std::vector<Finding> ProbeRegistries(const ::cri::config::Config& config) {
  const std::string& directory = config.registry_config_dir;
  const auto hosts = runtime::ListDir(directory);
  if (!hosts.ok() && !absl::IsNotFound(hosts.status())) {
    return {{Verdict::kLimited, "registries",
             std::string(hosts.status().message()),
             "let registry_config_dir name a directory of hosts.toml files"}};
  }
  std::vector<Finding> findings;
  if (hosts.ok()) {
    for (const std::string& host : *hosts) {
      if (!runtime::Exists(absl::StrCat(directory, "/", host, "/hosts.toml"))) {
        continue;
      }
      findings.push_back(OfHost(directory, host));
    }
  }
  if (findings.empty()) {
    findings.push_back(
        {Verdict::kGood, "registries",
         absl::StrCat("none tried, as there is no hosts.toml in ", directory,
                      ": ", kDirectly),
         ""});
  }
  return findings;
}

}  // namespace agent::command
