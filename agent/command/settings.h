// SPDX-License-Identifier: Apache-2.0
// What a daemon goes by: command line, kubeadm-flags.env and the kubelet
// configuration, merged in this order of precedence.
#ifndef CORACLE_AGENT_COMMAND_SETTINGS_H_
#define CORACLE_AGENT_COMMAND_SETTINGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/command/daemon.h"
#include "agent/config/kubelet.h"
#include "agent/config/paths.h"

namespace agent::command {

struct Settings {
  config::Paths paths{"/"};
  config::KubeletConfig kubelet;
  bool standalone = false;  // no cluster: static pods only
  std::string node_name;
  std::vector<std::string> node_ips;
  std::map<std::string, std::string> labels;
  std::string cri_socket;  // "" = the built-in default
  std::string static_pod_dir;
};

// Reads and checks everything; warns once of unknown fields. NOT_FOUND if the
// host has neither joined a cluster nor got a manifest directory.
absl::StatusOr<Settings> LoadSettings(const DaemonOptions& options);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_SETTINGS_H_
