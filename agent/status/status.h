// SPDX-License-Identifier: Apache-2.0
// From what the runtime says to a v1.PodStatus (kubelet.md §1.4). Pure
// functions: the same input gives the same JSON, so that writing can be skipped
// when nothing changed.
#ifndef CORACLE_AGENT_STATUS_STATUS_H_
#define CORACLE_AGENT_STATUS_STATUS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/status/spec.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/json.h"

namespace agent::status {

namespace v1 = ::runtime::v1;

// One container the runtime knows, and what the agent adds to it.
struct Attempt {
  v1::ContainerStatus cri;
  std::string message;   // termination message, once it has ended
  bool started = false;  // startup probe and postStart are done
  bool ready = false;    // readiness probe
};

struct ContainerInput {
  std::vector<Attempt> attempts;  // newest first; two are looked at
  // Why the next attempt is not running yet; "" if nothing is in its way.
  std::string waiting_reason, waiting_message;
};

struct Input {
  const Json* pod = nullptr;
  Json previous;  // the status before this one, ours or the API server's
  std::optional<v1::PodSandboxStatus> sandbox;
  std::map<std::string, ContainerInput> containers;
  std::string runtime_name;  // prefix of containerID
  std::vector<std::string> host_ips;
  absl::Time now, start_time;
  // Nothing of the pod runs or will run again: the phase may become terminal.
  bool finished = false;
  // Rejected, DeadlineExceeded, Evicted: phase Failed whatever the exit codes.
  std::string failed_reason, failed_message;
  bool mirror = false;  // static pod: no observedGeneration
};

Json ComputeStatus(const Input& input);

// The pod has ended for good: phase Succeeded or Failed.
bool IsTerminal(const std::string& phase);

// A condition that only the node sets.
bool IsOwnCondition(const std::string& type);

// The pod has ended for good: phase Succeeded or Failed.
bool IsTerminal(const std::string& phase);

// Steps of ComputeStatus, visible for tests.
namespace internal {
Json ContainerStatus(const Input& input, const ContainerSpec& spec);
std::string Phase(const Input& input, const Json& status);
// All conditions of the agent, then those of others in input.previous.
Json Conditions(const Input& input, const Json& status);
}  // namespace internal

}  // namespace agent::status

#endif  // CORACLE_AGENT_STATUS_STATUS_H_
