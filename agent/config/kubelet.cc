// SPDX-License-Identifier: Apache-2.0
#include "agent/config/kubelet.h"

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/config/fields.h"
#include "agent/config/yaml.h"
#include "agent/env/env.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::config {
namespace {

using runtime::Json;

constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxPort = 65535;

// Documented fields that change nothing here yet.
constexpr const char* kUnused[] = {"readOnlyPort",
                                   "failSwapOn",
                                   "fileCheckFrequency",
                                   "podCIDR",
                                   "cgroupDriver",
                                   "streamingConnectionIdleTimeout",
                                   "tlsCurvePreferences",
                                   "enableProfilingHandler",
                                   "enableDebugFlagsHandler",
                                   "enableSystemLogHandler",
                                   "enableSystemLogQuery",
                                   "podsPerCore",
                                   "shutdownGracePeriod",
                                   "shutdownGracePeriodCriticalPods",
                                   "shutdownGracePeriodByPodPriority",
                                   "staticPodURL",
                                   "staticPodURLHeader",
                                   "httpCheckFrequency",
                                   "runtimeRequestTimeout",
                                   "configMapAndSecretChangeDetectionStrategy",
                                   "enableControllerAttachDetach",
                                   "imageServiceEndpoint",
                                   "registryPullQPS",
                                   "registryBurst",
                                   "imagePullCredentialsVerificationPolicy",
                                   "preloadedImagesVerificationAllowlist",
                                   "imageMinimumGCAge",
                                   "imageMaximumGCAge",
                                   "imageGCHighThresholdPercent",
                                   "imageGCLowThresholdPercent",
                                   "containerLogMaxWorkers",
                                   "containerLogMonitorInterval",
                                   "hairpinMode",
                                   "kubeletCgroups",
                                   "systemCgroups",
                                   "systemReservedCgroup",
                                   "kubeReservedCgroup",
                                   "enforceNodeAllocatable",
                                   "reservedSystemCPUs",
                                   "qosReserved",
                                   "cpuCFSQuotaPeriod",
                                   "singleProcessOOMKill",
                                   "memoryThrottlingFactor",
                                   "memoryReservationPolicy",
                                   "memorySwap",
                                   "userNamespaces",
                                   "cpuManagerPolicy",
                                   "cpuManagerPolicyOptions",
                                   "cpuManagerReconcilePeriod",
                                   "memoryManagerPolicy",
                                   "reservedMemory",
                                   "topologyManagerPolicy",
                                   "topologyManagerScope",
                                   "topologyManagerPolicyOptions",
                                   "evictionSoft",
                                   "evictionSoftGracePeriod",
                                   "evictionPressureTransitionPeriod",
                                   "evictionMaxPodGracePeriod",
                                   "evictionMinimumReclaim",
                                   "localStorageCapacityIsolation",
                                   "volumeStatsAggPeriod",
                                   "volumePluginDir",
                                   "defaultPodSysctls",
                                   "protectKernelDefaults",
                                   "oomScoreAdj",
                                   "maxOpenFiles",
                                   "makeIPTablesUtilChains",
                                   "iptablesMasqueradeBit",
                                   "iptablesDropBit",
                                   "contentType",
                                   "kubeAPIQPS",
                                   "kubeAPIBurst",
                                   "eventRecordQPS",
                                   "eventBurst",
                                   "featureGates",
                                   "logging",
                                   "tracing",
                                   "showHiddenMetricsForVersion",
                                   "kernelMemcgNotification",
                                   "runOnce",
                                   "enableContentionProfiling"};

// Of a namespace that each pod has for itself. May end in '*'.
bool IsNamespacedSysctl(const std::string& pattern) {
  std::string name = pattern;
  std::replace(name.begin(), name.end(), '/', '.');
  if (name == "kernel.sem") return true;
  for (const char* prefix :
       {"kernel.shm", "kernel.msg", "fs.mqueue.", "net."}) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return false;
}

void ReadServer(Fields& root, KubeletConfig* c) {
  root.Bool("enableServer", &c->enable_server);
  root.String("address", &c->address);
  root.Int("port", &c->port, 1, kMaxPort);
  root.Int("healthzPort", &c->healthz_port, 0, kMaxPort);
  root.String("healthzBindAddress", &c->healthz_bind_address);
  root.String("tlsCertFile", &c->tls_cert_file);
  root.String("tlsPrivateKeyFile", &c->tls_private_key_file);
  root.StringList("tlsCipherSuites", &c->tls_cipher_suites);
  root.Choice("tlsMinVersion", &c->tls_min_version,
              {"VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"});
  root.Bool("enableDebuggingHandlers", &c->enable_debugging_handlers);
  root.Duration("streamingConnectionIdleTimeout", &c->streaming_idle_timeout);
  root.Bool("rotateCertificates", &c->rotate_certificates);
  root.Bool("serverTLSBootstrap", &c->server_tls_bootstrap);

  Fields authentication = root.Object("authentication");
  {
    Fields x509 = authentication.Object("x509");
    x509.String("clientCAFile", &c->client_ca_file);
    Fields anonymous = authentication.Object("anonymous");
    anonymous.Bool("enabled", &c->anonymous_auth);
    Fields webhook = authentication.Object("webhook");
    webhook.Bool("enabled", &c->webhook_authentication);
    webhook.Duration("cacheTTL", &c->authentication_ttl);
  }
  Fields authorization = root.Object("authorization");
  authorization.Choice("mode", &c->authorization_mode,
                       {"Webhook", "AlwaysAllow"});
  Fields webhook = authorization.Object("webhook");
  webhook.Duration("cacheAuthorizedTTL", &c->authorized_ttl);
  webhook.Duration("cacheUnauthorizedTTL", &c->unauthorized_ttl);
}

void ReadNode(Fields& root, KubeletConfig* c) {
  root.Bool("registerNode", &c->register_node);
  root.List("registerWithTaints", &c->register_with_taints);
  root.String("providerID", &c->provider_id);
  root.Int("maxPods", &c->max_pods, 0, kMaxInt);
  root.String("podCIDR", &c->pod_cidr);
  // Whoever shortens the update gets the report as often, unless told else.
  const bool update =
      root.Duration("nodeStatusUpdateFrequency", &c->status_update_frequency);
  if (!root.Duration("nodeStatusReportFrequency",
                     &c->status_report_frequency) &&
      update) {
    c->status_report_frequency = c->status_update_frequency;
  }
  root.Int("nodeLeaseDurationSeconds", &c->lease_duration_seconds, 0, kMaxInt);
  if (c->lease_duration_seconds == 0) c->lease_duration_seconds = 40;
  root.Int("nodeStatusMaxImages", &c->status_max_images, -1, kMaxInt);
}

void ReadPods(Fields& root, KubeletConfig* c) {
  root.String("staticPodPath", &c->static_pod_path);
  root.Duration("syncFrequency", &c->sync_frequency);
  root.Duration("fileCheckFrequency", &c->file_check_frequency);
  root.String("podLogsDir", &c->pod_logs_dir);
  {
    Fields backoff = root.Object("crashLoopBackOff");
    backoff.Duration("maxContainerRestartPeriod", &c->max_restart_period);
  }
  root.String("containerRuntimeEndpoint", &c->container_runtime_endpoint);
  root.Int("maxParallelImagePulls", &c->max_parallel_image_pulls, 0, kMaxInt);
  // Whoever allows several at once does not want them one by one.
  c->serialize_image_pulls = c->max_parallel_image_pulls <= 1;
  root.Bool("serializeImagePulls", &c->serialize_image_pulls);
  if (c->serialize_image_pulls && c->max_parallel_image_pulls > 1) {
    root.Fail("maxParallelImagePulls",
              "no more than 1 while serializeImagePulls is true");
  }
  root.String("containerLogMaxSize", &c->container_log_max_size);
  if (!env::QuantityBytes(c->container_log_max_size).ok()) {
    root.Fail("containerLogMaxSize", "a quantity such as \"10Mi\"");
  }
  root.Int("containerLogMaxFiles", &c->container_log_max_files, 2, kMaxInt);
  root.StringList("clusterDNS", &c->cluster_dns);
  root.String("clusterDomain", &c->cluster_domain);
  root.String("resolvConf", &c->resolv_conf);
  root.Bool("seccompDefault", &c->seccomp_default);
  root.StringList("allowedUnsafeSysctls", &c->allowed_unsafe_sysctls);
  for (const std::string& pattern : c->allowed_unsafe_sysctls) {
    if (!IsNamespacedSysctl(pattern)) {
      root.Fail("allowedUnsafeSysctls",
                "sysctls of a pod's own namespaces (kernel.shm*, kernel.msg*, "
                "kernel.sem, fs.mqueue.*, net.*)");
    }
  }
}

void ReadResources(Fields& root, KubeletConfig* c) {
  root.Choice("cgroupDriver", &c->cgroup_driver, {"cgroupfs", "systemd"});
  root.String("cgroupRoot", &c->cgroup_root);
  root.Bool("cgroupsPerQOS", &c->cgroups_per_qos);
  root.Map("systemReserved", &c->system_reserved);
  root.Map("kubeReserved", &c->kube_reserved);
  root.Int("podPidsLimit", &c->pod_pids_limit, -1,
           std::numeric_limits<int64_t>::max());
  root.Bool("failSwapOn", &c->fail_swap_on);
  root.Bool("cpuCFSQuota", &c->cpu_cfs_quota);
  // Any own threshold drops all default ones, unless they are to be merged.
  const StringMap defaults = c->eviction_hard;
  root.Bool("mergeDefaultEvictionSettings",
            &c->merge_default_eviction_settings);
  root.Map("evictionHard", &c->eviction_hard);
  if (c->merge_default_eviction_settings) {
    c->eviction_hard.insert(defaults.begin(), defaults.end());
  }
}

}  // namespace

absl::StatusOr<LoadedConfig> ParseKubeletConfig(absl::string_view text,
                                                const std::string& source) {
  ASSIGN_OR_RETURN(const Json root, ParseYaml(text, source));
  if (!root.is_object() && !root.is_null()) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": expected an object"));
  }
  LoadedConfig loaded;
  absl::Status error;
  {
    Fields fields(root, "", &error, &loaded.unknown_fields);
    std::string ignored;
    fields.Choice("kind", &ignored, {"KubeletConfiguration"});
    fields.Choice("apiVersion", &ignored, {"kubelet.config.k8s.io/v1beta1"});
    ReadServer(fields, &loaded.config);
    ReadNode(fields, &loaded.config);
    ReadPods(fields, &loaded.config);
    ReadResources(fields, &loaded.config);
    fields.Unused(kUnused, &loaded.unused_fields);
    if (!loaded.config.cgroups_per_qos) {
      loaded.unused_fields.push_back("cgroupsPerQOS");
    }
  }
  if (!error.ok()) return runtime::Annotate(error, source);
  return loaded;
}

absl::StatusOr<LoadedConfig> LoadKubeletConfig(const std::string& path) {
  if (path.empty()) return LoadedConfig{};
  ASSIGN_OR_RETURN(const std::string text, runtime::ReadFile(path));
  return ParseKubeletConfig(text, path);
}

}  // namespace agent::config
