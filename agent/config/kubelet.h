// SPDX-License-Identifier: Apache-2.0
// KubeletConfiguration (kubelet.config.k8s.io/v1beta1): the fields that this
// agent uses, typed, with kubelet's documented defaults.
#ifndef CORACLE_AGENT_CONFIG_KUBELET_H_
#define CORACLE_AGENT_CONFIG_KUBELET_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/json.h"

namespace agent::config {

using Strings = std::vector<std::string>;
using StringMap = std::map<std::string, std::string>;

struct KubeletConfig {
  // HTTPS server.
  bool enable_server = true;
  std::string address = "0.0.0.0";
  int64_t port = 10250;
  int64_t healthz_port = 10248;  // 0 = off
  std::string healthz_bind_address = "127.0.0.1";
  std::string tls_cert_file, tls_private_key_file;
  Strings tls_cipher_suites;
  std::string tls_min_version;  // "VersionTLS12", …
  bool enable_debugging_handlers = true;
  absl::Duration streaming_idle_timeout = absl::Hours(4);

  // Who may use it.
  std::string client_ca_file;
  bool anonymous_auth = false;
  bool webhook_authentication = true;
  absl::Duration authentication_ttl = absl::Minutes(2);
  std::string authorization_mode = "Webhook";  // or "AlwaysAllow"
  absl::Duration authorized_ttl = absl::Minutes(5);
  absl::Duration unauthorized_ttl = absl::Seconds(30);

  bool rotate_certificates = false;
  bool server_tls_bootstrap = false;

  // Node.
  bool register_node = true;
  runtime::Json register_with_taints = runtime::Json::array();
  std::string provider_id;
  int64_t max_pods = 110;
  std::string pod_cidr;
  absl::Duration status_update_frequency = absl::Seconds(10);
  absl::Duration status_report_frequency = absl::Minutes(5);
  int64_t lease_duration_seconds = 40;
  int64_t status_max_images = 50;

  // Pods.
  std::string static_pod_path;
  absl::Duration sync_frequency = absl::Minutes(1);
  absl::Duration file_check_frequency = absl::Seconds(20);
  std::string pod_logs_dir = "/var/log/pods";
  absl::Duration max_restart_period = absl::Seconds(300);

  // Runtime.
  std::string container_runtime_endpoint;
  bool serialize_image_pulls = true;
  int64_t max_parallel_image_pulls = 0;  // 0 = not given
  std::string container_log_max_size = "10Mi";
  int64_t container_log_max_files = 5;

  Strings cluster_dns;
  std::string cluster_domain;
  std::string resolv_conf = "/etc/resolv.conf";

  // Resources.
  std::string cgroup_driver = "cgroupfs";
  std::string cgroup_root;
  bool cgroups_per_qos = true;
  StringMap system_reserved, kube_reserved;
  int64_t pod_pids_limit = -1;
  bool fail_swap_on = true;
  bool cpu_cfs_quota = true;
  StringMap eviction_hard = {{"memory.available", "100Mi"},
                             {"nodefs.available", "10%"},
                             {"nodefs.inodesFree", "5%"},
                             {"imagefs.available", "15%"},
                             {"imagefs.inodesFree", "5%"}};
  bool merge_default_eviction_settings = false;

  bool seccomp_default = false;
  Strings allowed_unsafe_sysctls;
};

struct LoadedConfig {
  KubeletConfig config;
  Strings unknown_fields;  // full paths; worth one warning
  Strings unused_fields;   // the kubelet's, but nothing here looks at them
};

// YAML or JSON. A wrong type or value is INVALID_ARGUMENT and names `source`
// and the field's path; kind and apiVersion are checked if present.
absl::StatusOr<LoadedConfig> ParseKubeletConfig(absl::string_view text,
                                                const std::string& source);

// Reads `path`; "" gives the defaults.
absl::StatusOr<LoadedConfig> LoadKubeletConfig(const std::string& path);

// All of `config` as KubeletConfiguration object, defaults included; parsed
// again it gives the same.
runtime::Json KubeletConfigJson(const KubeletConfig& config);

}  // namespace agent::config

#endif  // CORACLE_AGENT_CONFIG_KUBELET_H_
