// SPDX-License-Identifier: Apache-2.0
#include "agent/source/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::source {
namespace {

using testing::HasSubstr;

constexpr char kPod[] = R"(apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: web
    image: web:1
)";

Manifest Parse(const std::string& text,
               const std::string& file = "/m/web.yaml") {
  return ParseManifest(text, file, "node1", "2026-01-01T00:00:00Z");
}

TEST(ManifestTest, MakesAStaticPod) {
  Manifest m = Parse(kPod);
  ASSERT_EQ(m.pods.size(), 1u)
      << (m.errors.empty() ? "" : m.errors[0].message());
  const Json& meta = m.pods[0]["metadata"];
  EXPECT_EQ(meta["name"], "web-node1");
  EXPECT_EQ(meta["namespace"], "default");
  EXPECT_EQ(meta["annotations"]["kubernetes.io/config.source"], "file");
  EXPECT_EQ(meta["annotations"]["kubernetes.io/config.hash"], meta["uid"]);
  EXPECT_EQ(m.pods[0]["spec"]["restartPolicy"], "Always");
}

TEST(ManifestTest, UidFollowsContentAndFile) {
  auto uid = [](const Manifest& m) { return m.pods[0]["metadata"]["uid"]; };
  std::string other = kPod;
  other.replace(other.find("web:1"), 5, "web:2");
  EXPECT_EQ(uid(Parse(kPod)), uid(Parse(kPod)));
  EXPECT_NE(uid(Parse(kPod)), uid(Parse(other)));
  EXPECT_NE(uid(Parse(kPod)), uid(Parse(kPod, "/m/b.yaml")));
}

TEST(ManifestTest, BadDocumentDoesNotStopTheOthers) {
  Manifest m = Parse(std::string("kind: Pod\napiVersion: v1\n---\n") + kPod);
  EXPECT_EQ(m.pods.size(), 1u);
  ASSERT_EQ(m.errors.size(), 1u);
  EXPECT_THAT(std::string(m.errors[0].message()),
              HasSubstr("/m/web.yaml: document 1"));
}

TEST(ManifestTest, JsonIsTaken) {
  Manifest m =
      Parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"j"},)"
            R"("spec":{"containers":[{"name":"c","image":"i"}]}})");
  EXPECT_EQ(m.pods.size(), 1u);
}

// Every field of a static pod that the node acts on.
constexpr char kFullPod[] = R"(apiVersion: v1
kind: Pod
metadata: {name: full, namespace: kube-system, labels: {a: b}}
spec:
  hostNetwork: true
  dnsConfig: {nameservers: [10.0.0.1], options: [{name: ndots, value: "2"}]}
  hostAliases: [{ip: 10.0.0.9, hostnames: [h]}]
  tolerations: [{operator: Exists, tolerationSeconds: 5}]
  nodeSelector: {a: b}
  affinity: {nodeAffinity: {}}
  os: {name: linux}
  securityContext:
    runAsUser: 1
    supplementalGroups: [2, 3]
    sysctls: [{name: net.ipv4.tcp_syncookies, value: "1"}]
    seccompProfile: {type: RuntimeDefault}
  volumes:
  - {name: a, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - {name: b, hostPath: {path: /x, type: Directory}}
  - {name: c, configMap: {name: m, defaultMode: 0644, items: [{key: k, path: p, mode: 0600}]}}
  - {name: d, secret: {secretName: s, optional: true}}
  - {name: e, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name}}]}}
  - name: f
    projected:
      sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: m}
      - downwardAPI: {items: [{path: p, resourceFieldRef: {resource: limits.cpu, divisor: 1m}}]}
  - {name: g}
  initContainers:
  - {name: i, image: i, restartPolicy: Always}
  containers:
  - name: c
    image: i
    command: [a, b]
    env:
    - {name: A, value: b}
    - {name: B, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: C, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}
    envFrom: [{prefix: P_, configMapRef: {name: m}}]
    ports: [{name: web, containerPort: 80, hostPort: 80, protocol: TCP}]
    resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 100m}}
    volumeMounts: [{name: a, mountPath: /a, readOnly: true, subPath: s}]
    lifecycle:
      preStop: {exec: {command: [a]}}
      postStart: {httpGet: {port: web, httpHeaders: [{name: A, value: b}]}}
    livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 5}
    readinessProbe: {grpc: {port: 80, service: s}}
    startupProbe: {exec: {command: [a]}, failureThreshold: 3}
    securityContext:
      privileged: false
      capabilities: {add: [NET_ADMIN], drop: [ALL]}
      seLinuxOptions: {level: s0}
)";

TEST(ManifestTest, TakesEveryFieldThatTheNodeActsOn) {
  Manifest m = Parse(kFullPod);
  EXPECT_EQ(m.pods.size(), 1u)
      << (m.errors.empty() ? "" : m.errors[0].message());
}

struct BadRow {
  const char* name;
  const char* from;
  const char* to;
  const char* want;
};

class BadManifest : public testing::TestWithParam<BadRow> {};

TEST_P(BadManifest, NamesFileFieldAndReason) {
  const BadRow& row = GetParam();
  std::string text = kPod;
  size_t at = text.find(row.from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string(row.from).size(), row.to);
  Manifest m = Parse(text);
  EXPECT_TRUE(m.pods.empty());
  ASSERT_EQ(m.errors.size(), 1u);
  std::string message(m.errors[0].message());
  EXPECT_THAT(message, HasSubstr("/m/web.yaml"));
  EXPECT_THAT(message, HasSubstr(row.want));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadManifest,
    testing::Values(
        BadRow{"Syntax", "spec:", "spec: [", "line"},
        BadRow{"Kind", "kind: Pod", "kind: Job", "kind: expected \"Pod\""},
        BadRow{"Version", "apiVersion: v1", "apiVersion: v2", "apiVersion"},
        BadRow{"UnknownField", "    image: web:1", "    imag: web:1",
               "spec.containers[0].imag: unknown field"},
        BadRow{"WrongType", "    image: web:1", "    image: [1]",
               "spec.containers[0].image: expected a string"},
        BadRow{"NoImage", "    image: web:1", "    command: [a]",
               "spec.containers[0].image: is required"},
        BadRow{"NoName", "name: web, labels", "labels",
               "metadata.name: is required"},
        BadRow{"NameIsAPath", "- name: web", "- name: ../../etc",
               "spec.containers[0].name"},
        BadRow{"UnknownVolume", "    image: web:1",
               "    image: i\n    volumeMounts: [{name: v, mountPath: /v}]",
               "no volume \"v\""},
        BadRow{"LabelType", "labels: {app: web}", "labels: {app: [1]}",
               "metadata.labels[app]: expected a string"}),
    [](const auto& row) { return row.param.name; });

class BadDepth : public testing::TestWithParam<BadRow> {};

TEST_P(BadDepth, NamesTheFieldHoweverDeep) {
  const BadRow& row = GetParam();
  std::string text = kFullPod;
  size_t at = text.find(row.from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string(row.from).size(), row.to);
  Manifest m = Parse(text);
  EXPECT_TRUE(m.pods.empty());
  ASSERT_EQ(m.errors.size(), 1u);
  EXPECT_THAT(std::string(m.errors[0].message()), HasSubstr("/m/web.yaml"));
  EXPECT_THAT(std::string(m.errors[0].message()), HasSubstr(row.want));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadDepth,
    testing::Values(
        BadRow{"Privileged", "privileged: false", "privilege: false",
               "spec.containers[0].securityContext.privilege: unknown field"},
        BadRow{"Drop", "drop: [ALL]", "drop: ALL",
               "securityContext.capabilities.drop: expected a list"},
        BadRow{"DropItem", "drop: [ALL]", "drop: [1]",
               "capabilities.drop[0]: expected a string"},
        BadRow{"PodUser", "runAsUser: 1", "runAsUser: root",
               "spec.securityContext.runAsUser: expected an integer"},
        BadRow{"PodNonRoot", "runAsUser: 1", "runAsNonroot: true",
               "spec.securityContext.runAsNonroot: unknown field"},
        BadRow{"Groups", "supplementalGroups: [2, 3]",
               "supplementalGroups: [two]",
               "spec.securityContext.supplementalGroups[0]: expected an "
               "integer"},
        BadRow{"Sysctl", "value: \"1\"}", "value: 1}",
               "spec.securityContext.sysctls[0].value: expected a string"},
        BadRow{"Seccomp", "type: RuntimeDefault", "typ: RuntimeDefault",
               "spec.securityContext.seccompProfile.typ: unknown field"},
        BadRow{"Env", "value: b}", "value: 1}",
               "spec.containers[0].env[0].value: expected a string"},
        BadRow{"ValueFrom", "{fieldPath: status.podIP}", "{path: status.podIP}",
               "env[1].valueFrom.fieldRef.path: unknown field"},
        BadRow{"EnvFrom", "configMapRef", "configMap",
               "envFrom[0].configMap: unknown field"},
        BadRow{"Port", "containerPort: 80", "containerPort: \"80\"",
               "ports[0].containerPort: expected an integer"},
        BadRow{"Limits", "memory: 1Gi", "memory: [1]",
               "resources.limits[memory]: expected a quantity"},
        BadRow{"Resources", "requests: {cpu", "request: {cpu",
               "resources.request: unknown field"},
        BadRow{"Mount", "readOnly: true", "readonly: true",
               "volumeMounts[0].readonly: unknown field"},
        BadRow{"Hook", "preStop: {exec: {command: [a]}}",
               "preStop: {exec: {cmd: [a]}}",
               "lifecycle.preStop.exec.cmd: unknown field"},
        BadRow{"Probe", "periodSeconds: 5", "periodSeconds: 5s",
               "livenessProbe.periodSeconds: expected an integer"},
        BadRow{"ProbeField", "failureThreshold: 3", "failureTreshold: 3",
               "startupProbe.failureTreshold: unknown field"},
        BadRow{"EmptyDir", "medium: Memory", "medum: Memory",
               "spec.volumes[0].emptyDir.medum: unknown field"},
        BadRow{"HostPath", "hostPath: {path: /x", "hostPath: {path: 7",
               "spec.volumes[1].hostPath.path: expected a string"},
        BadRow{"Items", "key: k, path: p, mode: 0600",
               "key: k, path: p, mode: u+r",
               "spec.volumes[2].configMap.items[0].mode: expected an integer"},
        BadRow{"Secret", "secretName: s", "name: s",
               "spec.volumes[3].secret.name: unknown field"},
        BadRow{"Projected", "expirationSeconds: 3600", "expires: 3600",
               "sources[0].serviceAccountToken.expires: unknown field"},
        BadRow{"TwoSources", "emptyDir: {medium",
               "hostPath: {path: /y}, emptyDir: {medium",
               "spec.volumes[0]: has more than one source"},
        BadRow{"UnsupportedSource", "{name: g}",
               "{name: g, persistentVolumeClaim: {claimName: c}}",
               "spec.volumes[6].persistentVolumeClaim: this node does not "
               "support it"},
        BadRow{"Toleration", "operator: Exists", "op: Exists",
               "spec.tolerations[0].op: unknown field"},
        BadRow{"InitContainer", "image: i, restartPolicy: Always",
               "image: i, restartPolicy: 1",
               "spec.initContainers[0].restartPolicy: expected a string"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace agent::source
