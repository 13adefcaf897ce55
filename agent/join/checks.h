// SPDX-License-Identifier: Apache-2.0
// What a node would refuse at its start, refused before a join writes it down:
// who has joined is told so by the next join, and could not correct it there.
#ifndef CORACLE_AGENT_JOIN_CHECKS_H_
#define CORACLE_AGENT_JOIN_CHECKS_H_

#include <string>

#include "absl/status/status.h"

namespace agent::join {

// `node_ip` and `cri_socket` are values of --node-ip and --cri-socket, "" if
// not given. INVALID_ARGUMENT names the value and what is wrong with it.
absl::Status CheckFlags(const std::string& node_ip,
                        const std::string& cri_socket);

// `yaml` is a KubeletConfiguration from `source`. INVALID_ARGUMENT names source
// and field.
absl::Status CheckConfig(const std::string& yaml, const std::string& source);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_CHECKS_H_
