// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "absl/time/time.h"
#include "agent/config/kubelet.h"

namespace agent::config {
namespace {

using runtime::Json;

// Go reads this form too.
std::string Text(absl::Duration duration) {
  return absl::FormatDuration(duration);
}

void AddServer(const KubeletConfig& c, Json* out) {
  Json& to = *out;
  to["enableServer"] = c.enable_server;
  to["address"] = c.address;
  to["port"] = c.port;
  to["healthzPort"] = c.healthz_port;
  to["healthzBindAddress"] = c.healthz_bind_address;
  to["tlsCertFile"] = c.tls_cert_file;
  to["tlsPrivateKeyFile"] = c.tls_private_key_file;
  to["tlsCipherSuites"] = c.tls_cipher_suites;
  to["tlsMinVersion"] = c.tls_min_version;
  to["enableDebuggingHandlers"] = c.enable_debugging_handlers;
  to["streamingConnectionIdleTimeout"] = Text(c.streaming_idle_timeout);
  to["rotateCertificates"] = c.rotate_certificates;
  to["serverTLSBootstrap"] = c.server_tls_bootstrap;
  to["authentication"] = {{"x509", {{"clientCAFile", c.client_ca_file}}},
                          {"anonymous", {{"enabled", c.anonymous_auth}}},
                          {"webhook",
                           {{"enabled", c.webhook_authentication},
                            {"cacheTTL", Text(c.authentication_ttl)}}}};
  to["authorization"] = {
      {"mode", c.authorization_mode},
      {"webhook",
       {{"cacheAuthorizedTTL", Text(c.authorized_ttl)},
        {"cacheUnauthorizedTTL", Text(c.unauthorized_ttl)}}}};
}

void AddNode(const KubeletConfig& c, Json* out) {
  Json& to = *out;
  to["registerNode"] = c.register_node;
  to["registerWithTaints"] = c.register_with_taints;
  to["providerID"] = c.provider_id;
  to["maxPods"] = c.max_pods;
  to["podCIDR"] = c.pod_cidr;
  to["nodeStatusUpdateFrequency"] = Text(c.status_update_frequency);
  to["nodeStatusReportFrequency"] = Text(c.status_report_frequency);
  to["nodeLeaseDurationSeconds"] = c.lease_duration_seconds;
  to["nodeStatusMaxImages"] = c.status_max_images;
}

void AddPods(const KubeletConfig& c, Json* out) {
  Json& to = *out;
  to["staticPodPath"] = c.static_pod_path;
  to["syncFrequency"] = Text(c.sync_frequency);
  to["fileCheckFrequency"] = Text(c.file_check_frequency);
  to["podLogsDir"] = c.pod_logs_dir;
  to["crashLoopBackOff"] = {
      {"maxContainerRestartPeriod", Text(c.max_restart_period)}};
  to["containerRuntimeEndpoint"] = c.container_runtime_endpoint;
  to["serializeImagePulls"] = c.serialize_image_pulls;
  if (c.max_parallel_image_pulls != 0) {
    to["maxParallelImagePulls"] = c.max_parallel_image_pulls;
  }
  to["containerLogMaxSize"] = c.container_log_max_size;
  to["containerLogMaxFiles"] = c.container_log_max_files;
  to["clusterDNS"] = c.cluster_dns;
  to["clusterDomain"] = c.cluster_domain;
  to["resolvConf"] = c.resolv_conf;
  to["seccompDefault"] = c.seccomp_default;
  to["allowedUnsafeSysctls"] = c.allowed_unsafe_sysctls;
}

void AddResources(const KubeletConfig& c, Json* out) {
  Json& to = *out;
  to["cgroupDriver"] = c.cgroup_driver;
  to["cgroupRoot"] = c.cgroup_root;
  to["cgroupsPerQOS"] = c.cgroups_per_qos;
  to["systemReserved"] = c.system_reserved;
  to["kubeReserved"] = c.kube_reserved;
  to["podPidsLimit"] = c.pod_pids_limit;
  to["failSwapOn"] = c.fail_swap_on;
  to["cpuCFSQuota"] = c.cpu_cfs_quota;
  to["evictionHard"] = c.eviction_hard;
  to["mergeDefaultEvictionSettings"] = c.merge_default_eviction_settings;
}

}  // namespace

Json KubeletConfigJson(const KubeletConfig& config) {
  Json json = {{"kind", "KubeletConfiguration"},
               {"apiVersion", "kubelet.config.k8s.io/v1beta1"}};
  AddServer(config, &json);
  AddNode(config, &json);
  AddPods(config, &json);
  AddResources(config, &json);
  return json;
}

}  // namespace agent::config
