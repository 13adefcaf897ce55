// SPDX-License-Identifier: Apache-2.0
// Events about the node itself; they live in namespace "default". Best effort:
// a lost event is logged, never retried. Thread safe, blocks for one call.
#ifndef CORACLE_AGENT_NODE_EVENTS_H_
#define CORACLE_AGENT_NODE_EVENTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "agent/api/client.h"

namespace agent::node {

class Events {
 public:
  Events(api::Client* client, std::string node_name)
      : client_(client), node_name_(std::move(node_name)) {}

  // `type` is "Normal" or "Warning".
  void Send(absl::string_view type, absl::string_view reason,
            absl::string_view message);

 private:
  api::Client* const client_;
  const std::string node_name_;
};

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_EVENTS_H_
