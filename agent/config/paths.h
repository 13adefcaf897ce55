// SPDX-License-Identifier: Apache-2.0
// Where the node's files are: kubelet's usual places below a root directory.
#ifndef CORACLE_AGENT_CONFIG_PATHS_H_
#define CORACLE_AGENT_CONFIG_PATHS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace agent::config {

struct Paths {
  explicit Paths(absl::string_view root_dir);

  // `path` of a configuration file as this node sees it: below the root
  // directory if it lies in one of kubelet's usual places.
  std::string Resolve(const std::string& path) const;

  std::string root;                  // "/" or "/some/dir"
  std::string kubeconfig;            // etc/kubernetes/kubelet.conf
  std::string bootstrap_kubeconfig;  // etc/kubernetes/bootstrap-kubelet.conf
  std::string ca_cert;               // etc/kubernetes/pki/ca.crt
  std::string kubelet_dir;           // var/lib/kubelet
  std::string pki_dir;               // var/lib/kubelet/pki
  std::string client_cert;           // …/pki/kubelet-client-current.pem
  std::string config_file;           // var/lib/kubelet/config.yaml
  std::string flags_env;             // var/lib/kubelet/kubeadm-flags.env
  std::string cluster_facts;         // var/lib/kubelet/coracle.yaml
  std::string pod_logs_dir;          // var/log/pods
  std::string container_logs_dir;    // var/log/containers
};

}  // namespace agent::config

#endif  // CORACLE_AGENT_CONFIG_PATHS_H_
