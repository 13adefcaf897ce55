// SPDX-License-Identifier: Apache-2.0
// The conditions of a node: from usage and readiness to the list in its status.
// Remembers what was, so that transition times are right. Not thread safe.
#ifndef CORACLE_AGENT_NODE_CONDITIONS_H_
#define CORACLE_AGENT_NODE_CONDITIONS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/config/kubelet.h"
#include "agent/node/facts.h"
#include "runtime/base/json.h"

namespace agent::node {

// Ready, or why not.
struct Readiness {
  bool ready = false;
  std::string message;  // only if not ready
};

class Conditions {
 public:
  explicit Conditions(const config::KubeletConfig& config) : config_(config) {}

  // Takes over status and transition times of the Node object as the API server
  // has it: what differs from them next counts as a change.
  void Adopt(const runtime::Json& node);

  // MemoryPressure, DiskPressure, PIDPressure, Ready, in this order.
  runtime::Json Compute(const HostFacts& facts, const Usage& usage,
                        const Readiness& readiness, absl::Time now);

  // Reasons of the conditions that changed in the last Compute: each is an
  // event ("NodeReady", "NodeHasSufficientMemory").
  const std::vector<std::string>& changes() const { return changes_; }

 private:
  struct State {
    std::string status;
    absl::Time transition;
    absl::Time last_pressure = absl::InfinitePast();
  };
  runtime::Json Condition(const std::string& type, bool value,
                          const std::string& reason, const std::string& message,
                          absl::Time now);
  bool Pressure(const std::string& type, bool now_pressed, absl::Time now);
  bool Below(const char* signal, int64_t available, int64_t total) const;

  const config::KubeletConfig& config_;
  std::map<std::string, State> states_;
  std::vector<std::string> changes_;
};

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_CONDITIONS_H_
