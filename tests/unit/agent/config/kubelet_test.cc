// SPDX-License-Identifier: Apache-2.0
#include "agent/config/kubelet.h"

#include "agent/config/yaml.h"
#include "tests/support/status_matchers.h"

namespace agent::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using tests::StatusIs;

KubeletConfig Parse(const std::string& text) {
  auto loaded = ParseKubeletConfig(text, "f");
  EXPECT_THAT(loaded, tests::IsOk());
  return loaded.ok() ? loaded->config : KubeletConfig();
}

TEST(KubeletConfigTest, ReadsWhatKubeadmWrites) {
  const KubeletConfig config = Parse(R"(
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {cacheTTL: 0s, enabled: true}
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
authorization: {mode: Webhook, webhook: {cacheAuthorizedTTL: 0s}}
cgroupDriver: systemd
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
containerRuntimeEndpoint: ""
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
staticPodPath: /etc/kubernetes/manifests
evictionHard: {nodefs.available: "0%"}
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}}}
memorySwap: {}
)");
  EXPECT_EQ(config.client_ca_file, "/etc/kubernetes/pki/ca.crt");
  EXPECT_THAT(config.cluster_dns, ElementsAre("10.96.0.10"));
  EXPECT_TRUE(config.rotate_certificates);
  EXPECT_EQ(config.cgroup_driver, "systemd");
  // Zero stands for what nobody has set.
  EXPECT_EQ(config.authentication_ttl, absl::Minutes(2));
  EXPECT_EQ(config.status_update_frequency, absl::Seconds(10));
  EXPECT_EQ(config.status_report_frequency, absl::Minutes(5));
  // One own threshold drops all defaults.
  EXPECT_EQ(config.eviction_hard, (StringMap{{"nodefs.available", "0%"}}));
}

TEST(KubeletConfigTest, ReadsJsonAsEksWritesIt) {
  const KubeletConfig config = Parse(R"({
    "kind": "KubeletConfiguration", "serverTLSBootstrap": true, "maxPods": 17,
    "kubeReserved": {"cpu": "70m", "memory": "442Mi"},
    "providerID": "aws:///us-west-2a/i-0abc", "readOnlyPort": 0,
    "evictionHard": {"memory.available": "100Mi"},
    "mergeDefaultEvictionSettings": true,
    "registerWithTaints": [{"key": "a", "effect": "NoSchedule"}]})");
  EXPECT_TRUE(config.server_tls_bootstrap);
  EXPECT_EQ(config.max_pods, 17);
  EXPECT_EQ(config.kube_reserved.at("cpu"), "70m");
  EXPECT_EQ(config.eviction_hard.size(), 5u);
  EXPECT_EQ(config.register_with_taints.size(), 1u);
}

TEST(KubeletConfigTest, ReportFollowsAnUpdateThatWasSet) {
  EXPECT_EQ(Parse("nodeStatusUpdateFrequency: 4s").status_report_frequency,
            absl::Seconds(4));
  EXPECT_EQ(Parse("nodeStatusUpdateFrequency: 4s\n"
                  "nodeStatusReportFrequency: 1m")
                .status_report_frequency,
            absl::Minutes(1));
}

TEST(KubeletConfigTest, AnEmptyFileIsAllDefaults) {
  const KubeletConfig config = Parse("");
  EXPECT_EQ(config.port, 10250);
  EXPECT_EQ(config.healthz_port, 10248);
  EXPECT_EQ(config.max_pods, 110);
  EXPECT_EQ(config.lease_duration_seconds, 40);
}

TEST(KubeletConfigTest, DiesOfWrongTypesNamingFileAndField) {
  const struct {
    const char *yaml, *message;
  } rows[] = {
      {"port: '10250'", "f: port: expected an integer from 1 to 65535"},
      {"port: 70000", "f: port: expected an integer"},
      {"maxPods: many", "f: maxPods: expected an integer"},
      {"enableServer: 1", "f: enableServer: expected true or false"},
      {"clusterDNS: 10.96.0.10", "f: clusterDNS: expected a list of strings"},
      {"clusterDNS: [1]", "f: clusterDNS: expected a list of strings"},
      {"syncFrequency: 10", "f: syncFrequency: expected a duration"},
      {"syncFrequency: -1s", "f: syncFrequency: expected a duration"},
      {"authentication: {webhook: {cacheTTL: soon}}",
       "f: authentication.webhook.cacheTTL: expected a duration"},
      {"authentication: true", "f: authentication: expected an object"},
      {"evictionHard: {memory.available: 5}",
       "f: evictionHard: expected a map of strings"},
      {"cgroupDriver: none", "f: cgroupDriver: expected one of"},
      {"{serializeImagePulls: true, maxParallelImagePulls: 2}",
       "f: maxParallelImagePulls: expected no more than 1"},
      {"allowedUnsafeSysctls: [net.core.somaxconn, vm.overcommit_memory]",
       "f: allowedUnsafeSysctls: expected sysctls of a pod's own namespaces"},
      {"containerLogMaxSize: big",
       "f: containerLogMaxSize: expected a quantity"},
      {"containerLogMaxFiles: 1", "f: containerLogMaxFiles: expected"},
      {"kind: Pod", "f: kind: expected one of KubeletConfiguration"},
      {"[1]", "f: expected an object"},
      {"port: [", "f: line "},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(
        ParseKubeletConfig(row.yaml, "f"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.message)))
        << row.yaml;
  }
}

TEST(KubeletConfigTest, CollectsUnknownFieldsWithTheirPaths) {
  ASSERT_OK_AND_ASSIGN(
      const LoadedConfig loaded,
      ParseKubeletConfig("prot: 1\nauthentication: {webhook: {ttl: 1s}}\n"
                         "featureGates: {A: true}",
                         "f"));
  EXPECT_THAT(loaded.unknown_fields,
              UnorderedElementsAre("prot", "authentication.webhook.ttl"));
}

TEST(KubeletConfigTest, CollectsWhatIsGivenButNotImplemented) {
  ASSERT_OK_AND_ASSIGN(const LoadedConfig loaded, ParseKubeletConfig(R"(
cpuManagerPolicy: static
cgroupsPerQOS: false
evictionPressureTransitionPeriod: 0s
memorySwap: {}
failSwapOn: false
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}}}
readOnlyPort: 0
seccompDefault: true
)",
                                                                     "f"));
  EXPECT_THAT(loaded.unused_fields,
              UnorderedElementsAre("cpuManagerPolicy", "cgroupsPerQOS"));
  EXPECT_TRUE(loaded.unknown_fields.empty());
  EXPECT_TRUE(loaded.config.seccomp_default);
}

// Each field with a value that is not its default.
constexpr char kAllFields[] = R"(
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
enableServer: false
address: 192.0.2.1
port: 1
healthzPort: 2
healthzBindAddress: 192.0.2.2
tlsCertFile: /c
tlsPrivateKeyFile: /k
tlsCipherSuites: [TLS_AES_128_GCM_SHA256]
tlsMinVersion: VersionTLS13
enableDebuggingHandlers: false
streamingConnectionIdleTimeout: 1s
rotateCertificates: true
serverTLSBootstrap: true
authentication:
  x509: {clientCAFile: /ca}
  anonymous: {enabled: true}
  webhook: {enabled: false, cacheTTL: 2s}
authorization:
  mode: AlwaysAllow
  webhook: {cacheAuthorizedTTL: 3s, cacheUnauthorizedTTL: 4s}
registerNode: false
registerWithTaints: [{key: a, effect: NoSchedule}]
providerID: p://1
maxPods: 3
podCIDR: 192.0.2.0/24
nodeStatusUpdateFrequency: 5s
nodeStatusReportFrequency: 1m30s
nodeLeaseDurationSeconds: 6
nodeStatusMaxImages: 7
staticPodPath: /s
syncFrequency: 8s
fileCheckFrequency: 9s
podLogsDir: /l
crashLoopBackOff: {maxContainerRestartPeriod: 10s}
containerRuntimeEndpoint: unix:///r
serializeImagePulls: false
maxParallelImagePulls: 11
containerLogMaxSize: 12Mi
containerLogMaxFiles: 13
clusterDNS: [192.0.2.3]
clusterDomain: d.example
resolvConf: ""
seccompDefault: true
allowedUnsafeSysctls: [kernel.sem]
cgroupDriver: systemd
cgroupRoot: /g
cgroupsPerQOS: false
systemReserved: {cpu: "1"}
kubeReserved: {memory: 1Gi}
podPidsLimit: 14
failSwapOn: false
cpuCFSQuota: false
evictionHard: {memory.available: 15Mi}
)";

TEST(KubeletConfigTest, IsTheSameObjectAgain) {
  ASSERT_OK_AND_ASSIGN(runtime::Json given, ParseYaml(kAllFields, "f"));
  given["mergeDefaultEvictionSettings"] = false;
  EXPECT_EQ(KubeletConfigJson(Parse(kAllFields)), given);
}

TEST(KubeletConfigTest, ObjectHoldsTheDefaultsAndReadsAsThem) {
  const runtime::Json defaults = KubeletConfigJson(KubeletConfig());
  EXPECT_EQ(runtime::IntAt(defaults, "maxPods"), 110);
  EXPECT_EQ(runtime::StringAt(defaults, {"authorization", "mode"}), "Webhook");
  EXPECT_EQ(runtime::StringAt(defaults, "syncFrequency"), "1m");
  EXPECT_EQ(KubeletConfigJson(Parse(runtime::DumpJson(defaults))), defaults);
}

TEST(KubeletConfigTest, ParallelPullsNeedNotBeAskedForTwice) {
  EXPECT_TRUE(Parse("").serialize_image_pulls);
  const KubeletConfig config = Parse("maxParallelImagePulls: 5");
  EXPECT_FALSE(config.serialize_image_pulls);
  EXPECT_EQ(config.max_parallel_image_pulls, 5);
  EXPECT_FALSE(Parse("serializeImagePulls: false").serialize_image_pulls);
}

}  // namespace
}  // namespace agent::config
