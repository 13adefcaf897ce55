// SPDX-License-Identifier: Apache-2.0
// What the CRI server in process of `coracle node` is started with.
#ifndef CORACLE_AGENT_COMMAND_CRI_OPTIONS_H_
#define CORACLE_AGENT_COMMAND_CRI_OPTIONS_H_

#include "absl/status/statusor.h"
#include "agent/command/daemon.h"
#include "agent/command/settings.h"
#include "cri/server/server.h"

namespace agent::command {

// The configuration file with the node's own flags over it. What neither says:
// pod_cidr of a standalone node has a default, cluster_cidr is what the join
// found in the cluster.
absl::StatusOr<::cri::server::ServerOptions> CriOptions(
    const DaemonOptions& options, const Settings& settings);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_CRI_OPTIONS_H_
