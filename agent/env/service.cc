// SPDX-License-Identifier: Apache-2.0
#include "agent/env/service.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "runtime/base/status.h"

namespace agent::env {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::IntAt;
using runtime::StringAt;

std::string VariableName(absl::string_view name) {
  return absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}}));
}

void AddService(const Json& service, std::map<std::string, std::string>* out) {
  std::string name = VariableName(StringAt(service, {"metadata", "name"}));
  const Json& spec = At(service, "spec");
  std::string ip = StringAt(spec, "clusterIP");
  const Json& ports = ArrayAt(spec, "ports");
  (*out)[name + "_SERVICE_HOST"] = ip;
  std::string host =
      absl::StrContains(ip, ':') ? absl::StrCat("[", ip, "]") : ip;
  bool first = true;
  for (const Json& port : ports) {
    std::string number = absl::StrCat(IntAt(port, "port"));
    std::string protocol = StringAt(port, "protocol", "TCP");
    std::string lower = absl::AsciiStrToLower(protocol);
    std::string url = absl::StrCat(lower, "://", host, ":", number);
    if (std::exchange(first, false)) {
      (*out)[name + "_SERVICE_PORT"] = number;
      (*out)[name + "_PORT"] = url;
    }
    if (std::string port_name = StringAt(port, "name"); !port_name.empty()) {
      (*out)[absl::StrCat(name, "_SERVICE_PORT_", VariableName(port_name))] =
          number;
    }
    std::string prefix = absl::StrCat(name, "_PORT_", number, "_",
                                      absl::AsciiStrToUpper(protocol));
    (*out)[prefix] = url;
    (*out)[prefix + "_PROTO"] = lower;
    (*out)[prefix + "_PORT"] = number;
    (*out)[prefix + "_ADDR"] = ip;
  }
}

bool HasAddress(const Json& service) {
  std::string ip = StringAt(service, {"spec", "clusterIP"});
  return !ip.empty() && ip != "None";
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ServiceVariables(
    const std::string& ns, bool links, object::Source& objects) {
  std::map<std::string, object::JsonPtr> chosen;
  ASSIGN_OR_RETURN(std::vector<object::JsonPtr> masters,
                   objects.Services("default"));
  for (const object::JsonPtr& service : masters) {
    std::string name = StringAt(*service, {"metadata", "name"});
    if (name == "kubernetes" && HasAddress(*service)) chosen[name] = service;
  }
  if (links) {
    ASSIGN_OR_RETURN(std::vector<object::JsonPtr> own, objects.Services(ns));
    for (const object::JsonPtr& service : own) {
      if (!HasAddress(*service)) continue;
      chosen[StringAt(*service, {"metadata", "name"})] = service;
    }
  }
  std::map<std::string, std::string> out;
  for (const auto& [name, service] : chosen) AddService(*service, &out);
  return out;
}

}  // namespace agent::env
