// SPDX-License-Identifier: Apache-2.0
#include "agent/command/options.h"

#include <CLI/CLI.hpp>

namespace agent::command {

void AddNodeOptions(CLI::App& app, NodeOptions* options) {
  app.add_option("--node-name", options->node_name,
                 "Name of the Node object (default: the host's name)");
  app.add_option("--node-ip", options->node_ip,
                 "Address of this node; two by comma for dual stack "
                 "(default: that of the default route)");
  app.add_option("--root-dir", options->root_dir,
                 "Where /etc/kubernetes, /var/lib/kubelet and /var/log/pods "
                 "are looked for")
      ->capture_default_str();
  app.add_option("--cri-socket", options->cri_socket,
                 "CRI endpoint, unix:///PATH");
  app.add_option("--config", options->config,
                 "KubeletConfiguration file, YAML or JSON");
}

}  // namespace agent::command
