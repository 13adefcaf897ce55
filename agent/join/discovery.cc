// SPDX-License-Identifier: Apache-2.0
#include "agent/join/discovery.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "agent/api/error.h"
#include "agent/api/http_client.h"
#include "agent/api/kubeconfig.h"
#include "agent/config/yaml.h"
#include "agent/join/pki.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

using runtime::Json;

constexpr char kClusterInfo[] =
    "/api/v1/namespaces/kube-public/configmaps/cluster-info";
constexpr absl::Duration kTimeout = absl::Seconds(15);

// cluster-info over a connection that trusts `ca_pem`, or anyone if empty.
absl::StatusOr<Json> Fetch(const std::string& server,
                           const std::string& ca_pem) {
  api::ClientConfig config;
  config.server = server;
  config.ca_pem = ca_pem;
  config.insecure = ca_pem.empty();
  config.timeout = kTimeout;
  ASSIGN_OR_RETURN(const auto client, api::MakeClient(config));
  auto object = client->Get(kClusterInfo);
  if (object.ok()) return object;
  const absl::Status& status = object.status();
  if (api::HttpCode(status) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the server at ", server,
        " gives no cluster-info to joining nodes (kubeadm publishes it in "
        "namespace kube-public): ",
        status.message()));
  }
  if (absl::IsFailedPrecondition(status)) {
    return absl::PermissionDeniedError(
        absl::StrCat("the API server's certificate is not signed by the "
                     "cluster's CA: ",
                     status.message()));
  }
  return absl::UnavailableError(
      absl::StrCat("cannot reach an API server: ", status.message()));
}

// The one cluster of the kubeconfig inside cluster-info (it has no context).
absl::StatusOr<Cluster> ReadCluster(const std::string& kubeconfig) {
  ASSIGN_OR_RETURN(const Json root,
                   config::ParseYaml(kubeconfig, "cluster-info"));
  const Json& clusters = runtime::ArrayAt(root, "clusters");
  if (clusters.size() != 1) {
    return absl::FailedPreconditionError(
        "cluster-info: expected one cluster in its kubeconfig");
  }
  // With a context and user of our own it is an ordinary kubeconfig.
  Json full = root;
  const std::string name = runtime::StringAt(clusters[0], "name");
  full["users"] = Json::array({{{"name", "u"}, {"user", Json::object()}}});
  full["contexts"] = Json::array(
      {{{"name", "c"}, {"context", {{"cluster", name}, {"user", "u"}}}}});
  full["current-context"] = "c";
  ASSIGN_OR_RETURN(
      const api::ClientConfig config,
      api::ParseKubeconfig(config::FormatYaml(full), "cluster-info", "/"));
  if (config.ca_pem.empty()) {
    return absl::FailedPreconditionError("cluster-info: carries no CA");
  }
  return Cluster{config.server, config.ca_pem};
}

absl::Status CheckPins(const std::string& ca_pem,
                       const std::vector<std::string>& pins) {
  if (pins.empty()) return absl::OkStatus();  // the caller chose to skip
  ASSIGN_OR_RETURN(const std::vector<std::string> found, SpkiPins(ca_pem));
  for (const std::string& pin : found) {
    if (std::find(pins.begin(), pins.end(), absl::AsciiStrToLower(pin)) !=
        pins.end()) {
      return absl::OkStatus();
    }
  }
  return absl::PermissionDeniedError(absl::StrCat(
      "the cluster's CA does not match --discovery-token-ca-cert-hash: it is ",
      absl::StrJoin(found, ", ")));
}

}  // namespace

absl::Status CheckEndpoint(absl::string_view endpoint) {
  absl::ConsumePrefix(&endpoint, "https://");
  const size_t colon = endpoint.rfind(':');
  int port = 0;
  const bool bare_ipv6 =
      colon != absl::string_view::npos &&
      endpoint.substr(0, colon).find(':') != absl::string_view::npos &&
      endpoint[colon - 1] != ']';
  if (colon == absl::string_view::npos || colon == 0 || bare_ipv6 ||
      endpoint.find('/') != absl::string_view::npos ||
      !absl::SimpleAtoi(endpoint.substr(colon + 1), &port) || port < 1 ||
      port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", endpoint,
                     "\" is not of the form HOST:PORT (an IPv6 address "
                     "stands in brackets)"));
  }
  return absl::OkStatus();
}

absl::Status CheckPin(absl::string_view pin) {
  absl::string_view hex = pin;
  if (absl::ConsumePrefix(&hex, "sha256:") && hex.size() == 64 &&
      std::all_of(hex.begin(), hex.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      })) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", pin, "\" is not of the form sha256:<64 hex digits>"));
}

absl::StatusOr<Cluster> VerifyClusterInfo(
    const Json& config_map, const BootstrapToken& token,
    const std::vector<std::string>& pins) {
  const Json& data = runtime::ObjectAt(config_map, "data");
  const std::string kubeconfig = runtime::StringAt(data, "kubeconfig");
  if (kubeconfig.empty()) {
    return absl::FailedPreconditionError("cluster-info: has no kubeconfig");
  }
  const std::string jws =
      runtime::StringAt(data, absl::StrCat("jws-kubeconfig-", token.id));
  if (jws.empty()) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the cluster does not know the token ", token.id,
        ".…: it has expired or belongs to another cluster (make a new one "
        "with: kubeadm token create --print-join-command)"));
  }
  if (!VerifyJws(jws, kubeconfig, token).ok()) {
    return absl::PermissionDeniedError(
        absl::StrCat("the secret of token ", token.id,
                     ".… is wrong: cluster-info is not signed with it"));
  }
  ASSIGN_OR_RETURN(Cluster cluster, ReadCluster(kubeconfig));
  RETURN_IF_ERROR(CheckPins(cluster.ca_pem, pins));
  return cluster;
}

absl::StatusOr<Cluster> Discover(const DiscoveryOptions& options) {
  RETURN_IF_ERROR(CheckEndpoint(options.endpoint));
  std::vector<std::string> pins;
  for (const std::string& pin : options.pins) {
    RETURN_IF_ERROR(CheckPin(pin));
    pins.push_back(absl::AsciiStrToLower(pin));
  }
  const std::string server =
      absl::StrCat("https://", absl::StripPrefix(options.endpoint, "https://"));
  ASSIGN_OR_RETURN(const Json untrusted, Fetch(server, ""));
  ASSIGN_OR_RETURN(const Cluster cluster,
                   VerifyClusterInfo(untrusted, options.token, pins));
  // The server behind the endpoint must hold a certificate of that CA, and say
  // the same there.
  ASSIGN_OR_RETURN(const Json trusted, Fetch(server, cluster.ca_pem));
  ASSIGN_OR_RETURN(const Cluster again,
                   VerifyClusterInfo(trusted, options.token, pins));
  if (again.ca_pem != cluster.ca_pem || again.server != cluster.server) {
    return absl::PermissionDeniedError(
        "cluster-info differs between the first and the verified reading");
  }
  return again;
}

}  // namespace agent::join
