// SPDX-License-Identifier: Apache-2.0
#include "agent/join/join.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "agent/api/kubeconfig.h"
#include "agent/join/bootstrap.h"
#include "agent/join/pod_subnet.h"
#include "agent/join/serving.h"
#include "agent/join/store.h"
#include "agent/node/address.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/agent/join/join_cluster.h"

namespace agent::join {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

JoinOptions OptionsFor(const JoinCluster& cluster, const std::string& root) {
  JoinOptions options;
  options.endpoint = cluster.endpoint();
  options.token = "abcdef.0123456789abcdef";
  options.pins = {cluster.pin()};
  options.node_name = "n1";
  options.paths = config::Paths(root);
  return options;
}

absl::Status RunJoin(const JoinOptions& options) {
  return Join(
      options, [](absl::string_view) {}, api::CancelToken());
}

std::vector<std::string> FilesBelow(const std::string& root) {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(root)) {
    files.push_back(entry.path());
  }
  return files;
}

TEST(JoinTest, WritesWhatKubeadmWritesAndGetsACertificate) {
  JoinCluster cluster;
  const tests::TempDir dir;
  JoinOptions options = OptionsFor(cluster, dir.path());
  options.cri_socket = "unix:///run/containerd/containerd.sock";
  ASSERT_THAT(RunJoin(options), IsOk());
  const config::Paths& paths = options.paths;
  EXPECT_EQ(runtime::ReadFile(paths.ca_cert).value(), cluster.ca_pem());
  EXPECT_EQ(runtime::ReadFile(paths.flags_env).value(),
            "KUBELET_KUBEADM_ARGS=\"--hostname-override=n1 "
            "--container-runtime-endpoint=unix:///run/containerd/"
            "containerd.sock\"\n");
  EXPECT_THAT(runtime::ReadFile(paths.config_file).value(),
              HasSubstr("clientCAFile: /etc/kubernetes/pki/ca.crt"));
  EXPECT_EQ(NodeNameOfCertificate(paths).value(), "n1");
  ASSERT_OK_AND_ASSIGN(const api::ClientConfig config,
                       api::LoadKubeconfig(paths.kubeconfig));
  EXPECT_EQ(config.client_cert_file, paths.client_cert);
  EXPECT_FALSE(runtime::Exists(paths.bootstrap_kubeconfig));
  // A second join is refused before anything is asked.
  EXPECT_THAT(RunJoin(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("has joined a cluster")));
}

TEST(JoinTest, HandsTheNodesAddressOn) {
  const auto ips = node::NodeIps("", "n1");
  if (!ips.ok()) GTEST_SKIP() << "This host has only loopback addresses.";
  JoinCluster cluster;
  const tests::TempDir dir;
  JoinOptions options = OptionsFor(cluster, dir.path());
  options.node_ip = ips->front();
  ASSERT_THAT(RunJoin(options), IsOk());
  EXPECT_THAT(runtime::ReadFile(options.paths.flags_env),
              IsOkAndHolds(HasSubstr(
                  absl::StrCat(" --node-ip=", ips->front(), "\"\n"))));
}

TEST(JoinTest, RemembersThePodsAddressesOfAllNodes) {
  constexpr char kConfiguration[] =
      "kind: ClusterConfiguration\nnetworking:\n  podSubnet: "
      "10.244.0.0/16,fd00:10:244::/56\n  serviceSubnet: 10.96.0.0/16\n";
  for (const bool by_token : {true, false}) {
    JoinCluster cluster;
    cluster.cluster_configuration = kConfiguration;
    cluster.token_sees_kubeadm_config = by_token;
    const tests::TempDir dir;
    const JoinOptions options = OptionsFor(cluster, dir.path());
    ASSERT_THAT(RunJoin(options), IsOk());
    EXPECT_THAT(StoredPodSubnet(options.paths),
                IsOkAndHolds("10.244.0.0/16,fd00:10:244::/56"));
  }
}

TEST(JoinTest, ClustersThatDoNotTellThemAreNoError) {
  for (const char* configuration :
       {"", "kind: ClusterConfiguration\n", "networking: {}\n", ": ]["}) {
    JoinCluster cluster;
    cluster.cluster_configuration = configuration;
    const tests::TempDir dir;
    const JoinOptions options = OptionsFor(cluster, dir.path());
    // Of a cluster that this host was in before.
    ASSERT_THAT(StorePodSubnet(options.paths, "10.1.0.0/16"), IsOk());
    ASSERT_THAT(RunJoin(options), IsOk());
    EXPECT_THAT(StoredPodSubnet(options.paths), IsOkAndHolds(""))
        << configuration;
  }
}

TEST(JoinTest, EachFailureIsOneSentenceAndWritesNothing) {
  struct Row {
    const char* name;
    std::function<void(JoinCluster&, JoinOptions&)> change;
    const char* message;
  };
  const tests::TempDir files;
  const auto Written = [&files](const std::string& text) {
    const std::string path = files / "k.yaml";
    EXPECT_THAT(runtime::WriteFileAtomic(path, text), IsOk());
    return path;
  };
  const Row rows[] = {
      {"wrong secret",
       [](auto&, auto& o) { o.token = "abcdef.0123456789abcdee"; },
       "the secret of token abcdef.… is wrong"},
      {"unknown token",
       [](auto&, auto& o) { o.token = "zzzzzz.0123456789abcdef"; },
       "does not know the token zzzzzz.…: it has expired"},
      {"expired token", [](auto& c, auto&) { c.token_expired = true; },
       "refuses the token abcdef.…: it has expired or was deleted"},
      {"malformed token", [](auto&, auto& o) { o.token = "abc"; },
       "not of the form abcdef.0123456789abcdef"},
      {"wrong pin",
       [](auto&, auto& o) { o.pins = {"sha256:" + std::string(64, '0')}; },
       "does not match --discovery-token-ca-cert-hash: it is sha256:"},
      {"malformed pin", [](auto&, auto& o) { o.pins = {"sha256:12"}; },
       "not of the form sha256:"},
      {"no pin", [](auto&, auto& o) { o.pins = {}; },
       "give the hash of the cluster's CA"},
      {"unreachable", [](auto&, auto& o) { o.endpoint = "127.0.0.1:1"; },
       "cannot reach an API server: https://127.0.0.1:1: "},
      {"malformed endpoint", [](auto&, auto& o) { o.endpoint = "host"; },
       "\"host\" is not of the form HOST:PORT"},
      {"no cluster-info", [](auto& c, auto&) { c.publishes_info = false; },
       "gives no cluster-info to joining nodes"},
      {"name taken", [](auto& c, auto&) { c.node_is_ready = true; },
       "a node named \"n1\" is in the cluster and Ready"},
      {"no kubelet-config",
       [](auto& c, auto&) { c.has_kubelet_config = false; }, "NotFound"},
      {"no such config file",
       [](auto&, auto& o) { o.config_file = "/nowhere/k.yaml"; },
       "/nowhere/k.yaml"},
      {"wrong value in the config file",
       [&](auto&, auto& o) { o.config_file = Written("maxPods: many"); },
       "k.yaml: maxPods: expected an integer"},
      {"no object in the config file",
       [&](auto&, auto& o) { o.config_file = Written("- 1"); },
       "k.yaml: expected an object"},
      {"wrong quantity",
       [&](auto&, auto& o) {
         o.config_file = Written("kubeReserved: {cpu: x}");
       },
       "k.yaml: kubeReserved.cpu: "},
      {"wrong cipher suite",
       [&](auto&, auto& o) {
         o.config_file = Written("tlsCipherSuites: [TLS_RSA_WITH_NONSENSE]");
       },
       "k.yaml: tlsCipherSuites: unknown suite TLS_RSA_WITH_NONSENSE"},
      {"wrong value in the cluster",
       [](auto& c, auto&) { c.kubelet_config = "port: http"; },
       "the cluster's kubelet-config: port: expected an integer"},
      {"nothing in the cluster", [](auto& c, auto&) { c.kubelet_config = ""; },
       "the cluster's kubelet-config: expected an object"},
      {"no node IP", [](auto&, auto& o) { o.node_ip = "10.0.0"; },
       "node IP 10.0.0 is no IP address"},
      {"node IP of another host",
       [](auto&, auto& o) { o.node_ip = "192.0.2.1"; },
       "node IP 192.0.2.1 is on no network interface of this host"},
      {"loopback", [](auto&, auto& o) { o.node_ip = "127.0.0.1"; },
       "node IP 127.0.0.1 is a loopback address"},
      {"socket without its scheme",
       [](auto&, auto& o) { o.cri_socket = "/run/c.sock"; },
       "--cri-socket /run/c.sock is not of the form unix:///PATH"},
      {"socket by a relative path",
       [](auto&, auto& o) { o.cri_socket = "unix://run/c.sock"; },
       "--cri-socket unix://run/c.sock is not of the form unix:///PATH"},
      {"socket that adds a flag",
       [](auto&, auto& o) { o.cri_socket = "unix:///c --node-ip=1.1.1.1"; },
       "is not of the form unix:///PATH"},
  };
  for (const Row& row : rows) {
    JoinCluster cluster;
    const tests::TempDir dir;
    JoinOptions options = OptionsFor(cluster, dir.path());
    row.change(cluster, options);
    const absl::Status status = RunJoin(options);
    EXPECT_FALSE(status.ok()) << row.name;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.message))
        << row.name;
    EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
    EXPECT_THAT(FilesBelow(dir.path()), IsEmpty()) << row.name;
    EXPECT_EQ(cluster.csr_posts, 0) << row.name;
  }
}

TEST(JoinTest, SkippingThePinTrustsTheTokenAlone) {
  JoinCluster cluster;
  const tests::TempDir dir;
  JoinOptions options = OptionsFor(cluster, dir.path());
  options.pins = {};
  options.skip_ca_verification = true;
  EXPECT_THAT(RunJoin(options), IsOk());
}

TEST(JoinTest, AnInterruptedBootstrapGoesOnWithTheSameKey) {
  JoinCluster cluster;
  const tests::TempDir dir;
  const JoinOptions options = OptionsFor(cluster, dir.path());
  cluster.csr_condition = "Denied";
  EXPECT_THAT(RunJoin(options), StatusIs(absl::StatusCode::kPermissionDenied,
                                         HasSubstr("was denied")));
  EXPECT_TRUE(runtime::Exists(options.paths.bootstrap_kubeconfig));
  EXPECT_FALSE(runtime::Exists(options.paths.kubeconfig));
  cluster.csr_condition = "Approved";
  ASSERT_THAT(EnsureClientCertificate(options.paths, "n1", absl::Seconds(5),
                                      api::CancelToken()),
              IsOk());
  // Both requests were the same object: the key had been kept.
  std::vector<std::string> names;
  for (const auto& request : cluster.requests()) {
    if (request.method != "POST") continue;
    names.push_back(runtime::StringAt(
        runtime::ParseJson(request.body, "csr").value(), {"metadata", "name"}));
  }
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0], names[1]);
  EXPECT_EQ(NodeNameOfCertificate(options.paths).value(), "n1");
}

TEST(JoinTest, TheRequestIsWhatTheAutoApproverWants) {
  JoinCluster cluster;
  const tests::TempDir dir;
  ASSERT_THAT(RunJoin(OptionsFor(cluster, dir.path())), IsOk());
  for (const auto& request : cluster.requests()) {
    if (request.method != "POST") continue;
    const auto csr = runtime::ParseJson(request.body, "csr").value();
    EXPECT_EQ(runtime::StringAt(csr, {"spec", "signerName"}),
              "kubernetes.io/kube-apiserver-client-kubelet");
    EXPECT_EQ(runtime::At(csr, {"spec", "usages"}),
              runtime::Json({"digital signature", "client auth"}));
  }
}

TEST(JoinTest, AnUnapprovedRequestNamesWhatApprovesIt) {
  JoinCluster cluster;
  const tests::TempDir dir;
  const JoinOptions options = OptionsFor(cluster, dir.path());
  cluster.csr_condition = "Denied";
  EXPECT_FALSE(RunJoin(options).ok());
  cluster.csr_condition = "";
  EXPECT_THAT(EnsureClientCertificate(options.paths, "n1", absl::ZeroDuration(),
                                      api::CancelToken()),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("kubectl certificate approve node-csr-")));
}

TEST(JoinTest, ANodeThatNeverJoinedIsToldSo) {
  const tests::TempDir dir;
  EXPECT_THAT(EnsureClientCertificate(config::Paths(dir.path()), "n1",
                                      absl::Seconds(1), api::CancelToken()),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("run coracle join first")));
}

TEST(ServingTest, SelfSignedIsMadeOnceAndAnewForNewNames) {
  const tests::TempDir dir;
  const config::Paths paths(dir.path());
  ASSERT_OK_AND_ASSIGN(const ServingFiles first,
                       SelfSignedServing(paths, "n1", {"10.0.0.1"}));
  const std::string cert = runtime::ReadFile(first.cert_file).value();
  ASSERT_THAT(SelfSignedServing(paths, "n1", {"10.0.0.1"}), IsOk());
  EXPECT_EQ(runtime::ReadFile(first.cert_file).value(), cert);
  ASSERT_THAT(SelfSignedServing(paths, "n1", {"10.0.0.2"}), IsOk());
  EXPECT_NE(runtime::ReadFile(first.cert_file).value(), cert);
}

}  // namespace
}  // namespace agent::join
