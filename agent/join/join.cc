// SPDX-License-Identifier: Apache-2.0
#include "agent/join/join.h"

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/api/error.h"
#include "agent/api/http_client.h"
#include "agent/api/kubeconfig.h"
#include "agent/config/yaml.h"
#include "agent/join/bootstrap.h"
#include "agent/join/checks.h"
#include "agent/join/discovery.h"
#include "agent/join/pod_subnet.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

using runtime::Json;

constexpr absl::Duration kApprovalWait = absl::Minutes(5);
constexpr char kCaPath[] = "/etc/kubernetes/pki/ca.crt";

absl::Status CheckOptions(const JoinOptions& options) {
  if (options.pins.empty() && !options.skip_ca_verification) {
    return absl::InvalidArgumentError(
        "give the hash of the cluster's CA (--discovery-token-ca-cert-hash "
        "sha256:…), or --discovery-token-unsafe-skip-ca-verification to trust "
        "the token alone");
  }
  if (runtime::Exists(options.paths.kubeconfig)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "this node has joined a cluster already: ", options.paths.kubeconfig,
        " exists; remove it and ", options.paths.pki_dir, " to join anew"));
  }
  return CheckFlags(options.node_ip, options.cri_socket);
}

absl::Status TokenError(const absl::Status& status,
                        const BootstrapToken& token) {
  if (!absl::IsUnauthenticated(status)) return status;
  return absl::UnauthenticatedError(
      absl::StrCat("the API server refuses the token ", token.id,
                   ".…: it has expired or was deleted"));
}

absl::Status CheckNameIsFree(api::Client& client, const std::string& name) {
  auto node = client.Get(absl::StrCat("/api/v1/nodes/", name));
  if (absl::IsNotFound(node.status())) return absl::OkStatus();
  RETURN_IF_ERROR(node.status());
  for (const Json& condition :
       runtime::ArrayAt(runtime::ObjectAt(*node, "status"), "conditions")) {
    if (runtime::StringAt(condition, "type") == "Ready" &&
        runtime::StringAt(condition, "status") == "True") {
      return absl::AlreadyExistsError(
          absl::StrCat("a node named \"", name,
                       "\" is in the cluster and Ready; choose "
                       "another with --node-name, or delete that one"));
    }
  }
  return absl::OkStatus();
}

// The KubeletConfiguration for this node as YAML, fit for its start.
absl::StatusOr<std::string> ReadConfig(api::Client& client,
                                       const JoinOptions& options) {
  std::string source = options.config_file, text;
  if (!source.empty()) {
    ASSIGN_OR_RETURN(text, runtime::ReadFile(source));
  } else {
    source = "the cluster's kubelet-config";
    ASSIGN_OR_RETURN(
        const Json map,
        client.Get("/api/v1/namespaces/kube-system/configmaps/kubelet-config"));
    text = runtime::StringAt(runtime::ObjectAt(map, "data"), "kubelet");
  }
  ASSIGN_OR_RETURN(Json config, config::ParseYaml(text, source));
  if (!config.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": expected an object"));
  }
  // kubeadm stores the control plane's own path, which need not be ours.
  if (!runtime::StringAt(config, {"authentication", "x509", "clientCAFile"})
           .empty()) {
    config["authentication"]["x509"]["clientCAFile"] = kCaPath;
  }
  std::string yaml = config::FormatYaml(config);
  RETURN_IF_ERROR(CheckConfig(yaml, source));
  return yaml;
}

using Progress = std::function<void(absl::string_view)>;

// Nothing that a join could fail of: the user may set it.
void TellPodSubnet(const absl::StatusOr<std::string>& found,
                   const Progress& progress) {
  if (!found.ok()) {
    progress(absl::StrCat("cannot tell the pods' addresses of all nodes (",
                          found.status().message(),
                          "); set cluster_cidr if they are not to be "
                          "masqueraded between nodes"));
  } else if (!found->empty()) {
    progress(absl::StrCat("pods of all nodes have addresses of ", *found));
  }
}

// With the node's own certificate, where a token may not look.
absl::StatusOr<std::string> FetchPodSubnetAsNode(const config::Paths& paths) {
  ASSIGN_OR_RETURN(const api::ClientConfig config,
                   api::LoadKubeconfig(paths.kubeconfig));
  ASSIGN_OR_RETURN(const auto client, api::MakeClient(config));
  return FetchPodSubnet(*client);
}

std::string FlagsEnv(const JoinOptions& options) {
  std::string flags = absl::StrCat("--hostname-override=", options.node_name);
  if (!options.cri_socket.empty()) {
    absl::StrAppend(&flags,
                    " --container-runtime-endpoint=", options.cri_socket);
  }
  if (!options.node_ip.empty()) {
    absl::StrAppend(&flags, " --node-ip=", options.node_ip);
  }
  return absl::StrCat("KUBELET_KUBEADM_ARGS=\"", flags, "\"\n");
}

absl::Status Write(const std::string& path, const std::string& text,
                   mode_t mode) {
  RETURN_IF_ERROR(runtime::MakeDirs(path.substr(0, path.rfind('/')), 0755));
  return runtime::WriteFileAtomic(path, text, mode,
                                  runtime::Durability::kPowerLoss);
}

absl::Status WriteFiles(const JoinOptions& options, const Cluster& cluster,
                        const std::string& config,
                        const api::ClientConfig& bootstrap) {
  const config::Paths& paths = options.paths;
  RETURN_IF_ERROR(Write(paths.ca_cert, cluster.ca_pem, 0644));
  RETURN_IF_ERROR(Write(paths.config_file, config, 0644));
  RETURN_IF_ERROR(Write(paths.flags_env, FlagsEnv(options), 0644));
  // Last, because its presence says that the rest is there.
  return Write(paths.bootstrap_kubeconfig,
               api::FormatKubeconfig(bootstrap, "kubernetes",
                                     "tls-bootstrap-token-user"),
               0600);
}

}  // namespace

absl::Status Join(const JoinOptions& options,
                  const std::function<void(absl::string_view)>& progress,
                  const api::CancelToken& cancel) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(const BootstrapToken token, ParseToken(options.token));
  ASSIGN_OR_RETURN(const Cluster cluster,
                   Discover({options.endpoint, token, options.pins}));
  progress(absl::StrCat("found the cluster at ", cluster.server, ", signature ",
                        options.pins.empty() ? "" : "and pin ", "verified"));
  api::ClientConfig bootstrap;
  bootstrap.server = cluster.server;
  bootstrap.ca_pem = cluster.ca_pem;
  bootstrap.token = token.Text();
  ASSIGN_OR_RETURN(const auto client, api::MakeClient(bootstrap));
  RETURN_IF_ERROR(
      TokenError(CheckNameIsFree(*client, options.node_name), token));
  auto config = ReadConfig(*client, options);
  if (!config.ok()) return TokenError(config.status(), token);
  progress("read the node's configuration from the cluster");
  absl::StatusOr<std::string> subnet = FetchPodSubnet(*client);

  // Before the files that let `coracle node` go on from here after a crash.
  RETURN_IF_ERROR(StorePodSubnet(options.paths, subnet.value_or("")));
  RETURN_IF_ERROR(WriteFiles(options, cluster, *config, bootstrap));
  progress("asked for a client certificate, waiting for its approval");
  RETURN_IF_ERROR(EnsureClientCertificate(options.paths, options.node_name,
                                          kApprovalWait, cancel));
  progress(
      absl::StrCat("client certificate stored in ", options.paths.pki_dir));
  if (absl::IsPermissionDenied(subnet.status())) {
    subnet = FetchPodSubnetAsNode(options.paths);
    RETURN_IF_ERROR(StorePodSubnet(options.paths, subnet.value_or("")));
  }
  TellPodSubnet(subnet, progress);
  return absl::OkStatus();
}

}  // namespace agent::join
