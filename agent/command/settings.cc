// SPDX-License-Identifier: Apache-2.0
#include "agent/command/settings.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/env/env.h"
#include "agent/join/bootstrap.h"
#include "agent/node/address.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

using Flags = std::map<std::string, std::string>;

std::string Get(const Flags& flags, const std::string& name) {
  const auto it = flags.find(name);
  return it == flags.end() ? "" : it->second;
}

std::string FirstOf(std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    if (!value.empty()) return value;
  }
  return "";
}

absl::StatusOr<config::KubeletConfig> LoadConfig(const DaemonOptions& options,
                                                 const Settings& settings) {
  std::string path = options.node.config;
  if (path.empty() && runtime::Exists(settings.paths.config_file)) {
    path = settings.paths.config_file;
  }
  ASSIGN_OR_RETURN(config::LoadedConfig loaded,
                   config::LoadKubeletConfig(path));
  if (!loaded.unknown_fields.empty()) {
    runtime::log::Warning(path, ": unknown fields are ignored: ",
                          absl::StrJoin(loaded.unknown_fields, ", "));
  }
  if (!loaded.unused_fields.empty()) {
    runtime::log::Warning(path, ": not implemented, without effect: ",
                          absl::StrJoin(loaded.unused_fields, ", "));
  }
  config::KubeletConfig& config = loaded.config;
  for (std::string* file :
       {&config.client_ca_file, &config.static_pod_path, &config.tls_cert_file,
        &config.tls_private_key_file, &config.pod_logs_dir}) {
    *file = settings.paths.Resolve(*file);
  }
  env::DnsOptions dns;
  dns.resolv_conf = config.resolv_conf;
  if (const std::string why = env::ResolvConfWarning(dns); !why.empty()) {
    runtime::log::Warning(why);
  }
  return config;
}

// "key=value:Effect,…" as Taint objects on top of the configuration's.
absl::Status AddTaints(const std::string& text, runtime::Json* taints) {
  for (const absl::string_view item :
       absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const size_t colon = item.rfind(':');
    if (colon == absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--register-with-taints: \"", item, "\" is not KEY=VALUE:EFFECT"));
    }
    const std::pair<std::string, std::string> pair =
        absl::StrSplit(item.substr(0, colon), absl::MaxSplits('=', 1));
    runtime::Json taint = {{"key", pair.first},
                           {"effect", std::string(item.substr(colon + 1))}};
    if (!pair.second.empty()) taint["value"] = pair.second;
    taints->push_back(taint);
  }
  return absl::OkStatus();
}

absl::Status ApplyFlags(const Flags& flags, Settings* settings) {
  for (const absl::string_view item :
       absl::StrSplit(Get(flags, "node-labels"), ',', absl::SkipEmpty())) {
    settings->labels.insert(std::pair<std::string, std::string>(
        absl::StrSplit(item, absl::MaxSplits('=', 1))));
  }
  if (const std::string id = Get(flags, "provider-id"); !id.empty()) {
    settings->kubelet.provider_id = id;
  }
  return AddTaints(Get(flags, "register-with-taints"),
                   &settings->kubelet.register_with_taints);
}

absl::Status NameNode(const DaemonOptions& options, const Flags& flags,
                      Settings* settings) {
  // What the certificate says is what the API server will hold us to.
  const auto certified = join::NodeNameOfCertificate(settings->paths);
  settings->node_name = FirstOf({options.node.node_name, certified.value_or(""),
                                 Get(flags, "hostname-override")});
  if (settings->node_name.empty()) {
    ASSIGN_OR_RETURN(settings->node_name, DefaultNodeName());
  }
  RETURN_IF_ERROR(CheckNodeName(settings->node_name));
  ASSIGN_OR_RETURN(
      settings->node_ips,
      node::NodeIps(FirstOf({options.node.node_ip, Get(flags, "node-ip")}),
                    settings->node_name));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Settings> LoadSettings(const DaemonOptions& options) {
  Settings settings;
  settings.paths = config::Paths(options.node.root_dir);
  const config::Paths& paths = settings.paths;
  settings.standalone = !runtime::Exists(paths.kubeconfig) &&
                        !runtime::Exists(paths.bootstrap_kubeconfig);
  if (settings.standalone && options.pod_manifest_dir.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "this host has not joined a cluster (there is no ", paths.kubeconfig,
        "): run coracle join first, or give --pod-manifest-dir to run pods "
        "from files"));
  }
  ASSIGN_OR_RETURN(const Flags flags, ReadFlagsEnv(paths));
  ASSIGN_OR_RETURN(settings.kubelet, LoadConfig(options, settings));
  RETURN_IF_ERROR(ApplyFlags(flags, &settings));
  RETURN_IF_ERROR(NameNode(options, flags, &settings));
  settings.cri_socket = FirstOf(
      {options.node.cri_socket, Get(flags, "container-runtime-endpoint"),
       options.cri_in_process ? ""
                              : settings.kubelet.container_runtime_endpoint});
  settings.static_pod_dir =
      FirstOf({options.pod_manifest_dir, settings.kubelet.static_pod_path});
  return settings;
}

}  // namespace agent::command
