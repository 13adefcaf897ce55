// SPDX-License-Identifier: Apache-2.0
#include "agent/join/pod_subnet.h"

#include "absl/strings/str_cat.h"
#include "agent/config/yaml.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

using runtime::Json;

constexpr char kPath[] =
    "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
constexpr char kKey[] = "cluster_cidr";

}  // namespace

absl::StatusOr<std::string> FetchPodSubnet(api::Client& client) {
  const absl::StatusOr<Json> map = client.Get(kPath);
  if (absl::IsNotFound(map.status())) return "";
  RETURN_IF_ERROR(map.status());
  const std::string text =
      runtime::StringAt(*map, {"data", "ClusterConfiguration"});
  if (text.empty()) return "";
  ASSIGN_OR_RETURN(const Json config,
                   config::ParseYaml(text, "kubeadm-config"));
  return runtime::StringAt(config, {"networking", "podSubnet"});
}

absl::Status StorePodSubnet(const config::Paths& paths,
                            const std::string& subnet) {
  if (subnet.empty()) {
    return runtime::RemoveFile(paths.cluster_facts);
  }
  RETURN_IF_ERROR(runtime::MakeDirs(paths.kubelet_dir, 0755));
  return runtime::WriteFileAtomic(
      paths.cluster_facts,
      absl::StrCat("# By coracle join, from the cluster's kubeadm-config; the "
                   "CRI server's\n# configuration file comes first.\n",
                   config::FormatYaml(Json{{kKey, subnet}})),
      0644, runtime::Durability::kPowerLoss);
}

absl::StatusOr<std::string> StoredPodSubnet(const config::Paths& paths) {
  const absl::StatusOr<std::string> text =
      runtime::ReadFile(paths.cluster_facts);
  if (absl::IsNotFound(text.status())) return "";
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(const Json facts,
                   config::ParseYaml(*text, paths.cluster_facts));
  return runtime::StringAt(facts, kKey);
}

}  // namespace agent::join
