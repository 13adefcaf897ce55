// SPDX-License-Identifier: Apache-2.0
#include "agent/config/paths.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"

namespace agent::config {

using runtime::JoinPath;

Paths::Paths(absl::string_view root_dir)
    : root(root_dir.empty() ? "/" : std::string(root_dir)) {
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  kubeconfig = JoinPath(root, "etc/kubernetes/kubelet.conf");
  bootstrap_kubeconfig =
      JoinPath(root, "etc/kubernetes/bootstrap-kubelet.conf");
  ca_cert = JoinPath(root, "etc/kubernetes/pki/ca.crt");
  kubelet_dir = JoinPath(root, "var/lib/kubelet");
  pki_dir = JoinPath(kubelet_dir, "pki");
  client_cert = JoinPath(pki_dir, "kubelet-client-current.pem");
  config_file = JoinPath(kubelet_dir, "config.yaml");
  flags_env = JoinPath(kubelet_dir, "kubeadm-flags.env");
  cluster_facts = JoinPath(kubelet_dir, "coracle.yaml");
  pod_logs_dir = JoinPath(root, "var/log/pods");
  container_logs_dir = JoinPath(root, "var/log/containers");
}

std::string Paths::Resolve(const std::string& path) const {
  if (root == "/") return path;
  for (const absl::string_view usual :
       {"/etc/kubernetes/", "/var/lib/kubelet/", "/var/log/pods"}) {
    if (absl::StartsWith(path, usual)) return JoinPath(root, path);
  }
  return path;
}

}  // namespace agent::config
