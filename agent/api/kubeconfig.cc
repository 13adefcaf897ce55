// SPDX-License-Identifier: Apache-2.0
#include "agent/api/kubeconfig.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/config/yaml.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace agent::api {
namespace {

using runtime::StringAt;

// The `kind` object of the entry called `name` in the list `list`.
absl::StatusOr<Json> Named(const Json& root, absl::string_view list,
                           absl::string_view kind, const std::string& name) {
  for (const Json& item : runtime::ArrayAt(root, list)) {
    if (StringAt(item, "name") == name) return runtime::ObjectAt(item, kind);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(list, ": no entry named \"", name, "\""));
}

// `key` + "-data" (base64) as text to `*data`, `key` as a path to `*file`.
absl::Status ReadPair(const Json& object, const std::string& key,
                      const std::string& dir, std::string* data,
                      std::string* file) {
  const std::string encoded = StringAt(object, key + "-data");
  if (!encoded.empty() && !absl::Base64Unescape(encoded, data)) {
    return absl::InvalidArgumentError(absl::StrCat(key, "-data: not base64"));
  }
  const std::string path = StringAt(object, key);
  if (!path.empty()) {
    *file = path[0] == '/' ? path : runtime::JoinPath(dir, path);
  }
  return absl::OkStatus();
}

absl::StatusOr<ClientConfig> FromJson(const Json& root,
                                      const std::string& dir) {
  const std::string context_name = StringAt(root, "current-context");
  ASSIGN_OR_RETURN(const Json context,
                   Named(root, "contexts", "context", context_name));
  ASSIGN_OR_RETURN(const Json cluster, Named(root, "clusters", "cluster",
                                             StringAt(context, "cluster")));
  ASSIGN_OR_RETURN(const Json user,
                   Named(root, "users", "user", StringAt(context, "user")));
  for (const char* key : {"exec", "auth-provider", "username"}) {
    if (runtime::Has(user, key)) {
      return absl::UnimplementedError(absl::StrCat(
          "user.", key, ": not supported; use a client certificate or token"));
    }
  }
  if (runtime::Has(cluster, "tls-server-name")) {
    return absl::UnimplementedError("cluster.tls-server-name: not supported");
  }
  ClientConfig config;
  config.server = StringAt(cluster, "server");
  if (config.server.empty()) {
    return absl::InvalidArgumentError("cluster.server: missing");
  }
  config.insecure = runtime::BoolAt(cluster, "insecure-skip-tls-verify");
  RETURN_IF_ERROR(ReadPair(cluster, "certificate-authority", dir,
                           &config.ca_pem, &config.ca_file));
  RETURN_IF_ERROR(ReadPair(user, "client-certificate", dir,
                           &config.client_cert_pem, &config.client_cert_file));
  RETURN_IF_ERROR(ReadPair(user, "client-key", dir, &config.client_key_pem,
                           &config.client_key_file));
  config.token = StringAt(user, "token");
  config.token_file = StringAt(user, "tokenFile");
  return config;
}

}  // namespace

absl::StatusOr<ClientConfig> ParseKubeconfig(absl::string_view text,
                                             const std::string& source,
                                             const std::string& dir) {
  ASSIGN_OR_RETURN(const Json root, config::ParseYaml(text, source));
  auto result = FromJson(root, dir);
  if (!result.ok()) return runtime::Annotate(result.status(), source);
  return result;
}

absl::StatusOr<ClientConfig> LoadKubeconfig(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, runtime::ReadFile(path));
  return ParseKubeconfig(text, path, path.substr(0, path.rfind('/')));
}

std::string FormatKubeconfig(const ClientConfig& config,
                             const std::string& cluster,
                             const std::string& user) {
  Json cluster_object = {{"server", config.server}};
  if (!config.ca_pem.empty()) {
    cluster_object["certificate-authority-data"] =
        absl::Base64Escape(config.ca_pem);
  } else if (!config.ca_file.empty()) {
    cluster_object["certificate-authority"] = config.ca_file;
  }
  Json user_object = Json::object();
  if (!config.token.empty()) user_object["token"] = config.token;
  if (!config.client_cert_file.empty()) {
    user_object["client-certificate"] = config.client_cert_file;
    user_object["client-key"] = config.client_key_file;
  }
  const std::string context = absl::StrCat(user, "@", cluster);
  const Json root = {
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"clusters",
       Json::array({{{"name", cluster}, {"cluster", cluster_object}}})},
      {"users", Json::array({{{"name", user}, {"user", user_object}}})},
      {"contexts",
       Json::array({{{"name", context},
                     {"context", {{"cluster", cluster}, {"user", user}}}}})},
      {"current-context", context}};
  return config::FormatYaml(root);
}

}  // namespace agent::api
