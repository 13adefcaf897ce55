// SPDX-License-Identifier: Apache-2.0
#include "agent/command/cri_options.h"

#include <string>

#include "agent/join/pod_subnet.h"
#include "cri/config/config.h"
#include "cri/network/cidr.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::command {
namespace {

constexpr char kStandaloneCidr[] = "10.88.0.0/24";

// "" if it is not known or of no use.
std::string JoinedCidr(const config::Paths& paths) {
  absl::StatusOr<std::string> stored = join::StoredPodSubnet(paths);
  if (stored.ok() && stored->empty()) return "";
  const absl::Status status =
      stored.ok() ? ::cri::network::ParsePodCidrs(*stored).status()
                  : stored.status();
  if (status.ok()) return *std::move(stored);
  runtime::log::Warning(paths.cluster_facts,
                        ": not taken as cluster_cidr: ", status.message());
  return "";
}

}  // namespace

absl::StatusOr<::cri::server::ServerOptions> CriOptions(
    const DaemonOptions& options, const Settings& settings) {
  ::cri::server::ServerOptions server;
  server.config_file = options.cri_config;
  ::cri::config::Overrides& overrides = server.overrides;
  if (!settings.cri_socket.empty()) overrides["listen"] = settings.cri_socket;
  if (!options.pod_cidr.empty()) overrides["pod_cidr"] = options.pod_cidr;
  ASSIGN_OR_RETURN(server.config,
                   ::cri::config::Load(options.cri_config, overrides));
  if (settings.standalone) {
    if (!server.config.pod_cidr.empty()) return server;
    overrides["pod_cidr"] = kStandaloneCidr;
  } else {
    const std::string cidr = JoinedCidr(settings.paths);
    if (!server.config.cluster_cidr.empty() || cidr.empty()) return server;
    overrides["cluster_cidr"] = cidr;
  }
  ASSIGN_OR_RETURN(server.config,
                   ::cri::config::Load(options.cri_config, overrides));
  return server;
}

}  // namespace agent::command
