// SPDX-License-Identifier: Apache-2.0
#include "agent/node/object.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/node/capacity.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

using runtime::Json;

constexpr size_t kMaxImageNames = 5;

Json Addresses(const Identity& identity) {
  Json list = Json::array();
  for (const std::string& ip : identity.ips) {
    list.push_back({{"type", "InternalIP"}, {"address", ip}});
  }
  list.push_back({{"type", "Hostname"}, {"address", identity.name}});
  return list;
}

Json NodeInfo(const Identity& identity, const HostFacts& facts,
              const RuntimeInfo& runtime) {
  Json info = {{"machineID", facts.machine_id},
               {"systemUUID", facts.system_uuid},
               {"bootID", facts.boot_id},
               {"kernelVersion", facts.kernel_version},
               {"osImage", facts.os_image},
               {"containerRuntimeVersion",
                absl::StrCat(runtime.name, "://", runtime.version)},
               {"kubeletVersion", identity.kubelet_version},
               {"kubeProxyVersion", ""},
               {"operatingSystem", "linux"},
               {"architecture", facts.architecture}};
  if (facts.swap_bytes > 0) info["swap"] = {{"capacity", facts.swap_bytes}};
  return info;
}

// The entries of `wanted` that `existing` lacks or has otherwise.
Json Missing(const Json& existing, const Json& wanted) {
  Json missing = Json::object();
  for (const auto& [key, value] : wanted.items()) {
    if (runtime::At(existing, key) != value) missing[key] = value;
  }
  return missing;
}

// "v1.36.2-x" → {1, 36, 2}; shorter if a part is no number.
std::vector<int> VersionParts(absl::string_view version) {
  absl::ConsumePrefix(&version, "v");
  std::vector<int> parts;
  for (const absl::string_view part :
       absl::StrSplit(version.substr(0, version.find_first_of("-+")), '.')) {
    int number = 0;
    if (!absl::SimpleAtoi(part, &number)) break;
    parts.push_back(number);
  }
  return parts;
}

}  // namespace

std::string KubeletVersion(const std::string& git_version) {
  const std::vector<int> server = VersionParts(git_version);
  if (server.size() != 3 || server >= VersionParts(kKubeletVersion)) {
    return kKubeletVersion;
  }
  return absl::StrCat("v", absl::StrJoin(server, "."),
                      "-coracle." CORACLE_VERSION);
}

absl::StatusOr<Json> BaseStatus(const Identity& identity,
                                const config::KubeletConfig& config,
                                const HostFacts& facts, const Usage& usage,
                                const RuntimeInfo& runtime) {
  ASSIGN_OR_RETURN(const Json allocatable, Allocatable(facts, usage, config));
  Json status = {
      {"addresses", Addresses(identity)},
      {"capacity", Capacity(facts, usage, config)},
      {"allocatable", allocatable},
      {"daemonEndpoints", {{"kubeletEndpoint", {{"Port", config.port}}}}},
      {"nodeInfo", NodeInfo(identity, facts, runtime)},
      {"features",
       {{"supplementalGroupsPolicy", runtime.supplemental_groups_policy}}}};
  if (!runtime.handlers.empty()) status["runtimeHandlers"] = runtime.handlers;
  return status;
}

Json ImageList(std::vector<Image> images, int64_t max) {
  std::stable_sort(images.begin(), images.end(),
                   [](const Image& a, const Image& b) {
                     return a.size_bytes > b.size_bytes;
                   });
  Json list = Json::array();
  for (Image& image : images) {
    if (max >= 0 && static_cast<int64_t>(list.size()) >= max) break;
    if (image.names.empty()) continue;
    std::stable_partition(
        image.names.begin(), image.names.end(),
        [](const std::string& name) { return absl::StrContains(name, '@'); });
    if (image.names.size() > kMaxImageNames) image.names.resize(kMaxImageNames);
    list.push_back({{"names", image.names}, {"sizeBytes", image.size_bytes}});
  }
  return list;
}

Json NewNode(const Identity& identity, const config::KubeletConfig& config,
             const HostFacts& facts, const Json& status) {
  Json labels = {{"kubernetes.io/hostname", identity.name},
                 {"kubernetes.io/os", "linux"},
                 {"kubernetes.io/arch", facts.architecture},
                 {"beta.kubernetes.io/os", "linux"},
                 {"beta.kubernetes.io/arch", facts.architecture}};
  for (const auto& [key, value] : identity.labels) labels[key] = value;
  Json spec = Json::object();
  if (!config.provider_id.empty()) spec["providerID"] = config.provider_id;
  if (!config.register_with_taints.empty()) {
    spec["taints"] = config.register_with_taints;
  }
  Json annotations = {
      {"volumes.kubernetes.io/controller-managed-attach-detach", "true"}};
  if (!identity.cri_socket.empty()) {
    annotations["kubeadm.alpha.kubernetes.io/cri-socket"] = identity.cri_socket;
  }
  return {{"apiVersion", "v1"},
          {"kind", "Node"},
          {"metadata",
           {{"name", identity.name},
            {"labels", labels},
            {"annotations", annotations}}},
          {"spec", spec},
          {"status", status}};
}

Json Reconcile(const Json& existing, const Json& wanted) {
  Json patch;
  for (const char* key : {"labels", "annotations"}) {
    const Json missing =
        Missing(runtime::ObjectAt(runtime::ObjectAt(existing, "metadata"), key),
                runtime::ObjectAt(runtime::ObjectAt(wanted, "metadata"), key));
    if (!missing.empty()) patch["metadata"][key] = missing;
  }
  return patch;
}

Json StatusPatch(const Json& status) {
  Json patch = {{"status", status}};
  Json addresses = Json::array({{{"$patch", "replace"}}});
  for (const Json& address : runtime::ArrayAt(status, "addresses")) {
    addresses.push_back(address);
  }
  patch["status"]["addresses"] = addresses;
  return patch;
}

bool StatusChanged(const Json& before, const Json& after) {
  const auto strip = [](Json status) {
    if (status.contains("conditions")) {
      for (Json& condition : status["conditions"]) {
        condition.erase("lastHeartbeatTime");
      }
    }
    return status;
  };
  return strip(before) != strip(after);
}

}  // namespace agent::node
