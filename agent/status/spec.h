// SPDX-License-Identifier: Apache-2.0
// What a pod's spec says, read leniently: the API server has validated it, a
// static manifest was validated by agent/source. Pure, no I/O.
#ifndef CORACLE_AGENT_STATUS_SPEC_H_
#define CORACLE_AGENT_STATUS_SPEC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/base/json.h"

namespace agent::status {

using runtime::Json;

enum class ContainerKind { kInit, kRegular, kEphemeral };

// One container of a spec. Points into the pod it was read from.
struct ContainerSpec {
  std::string name;
  ContainerKind kind = ContainerKind::kRegular;
  bool sidecar = false;  // init container with restartPolicy Always
  const Json* json = nullptr;

  // Regular or sidecar: it counts for readiness and restarts after success.
  bool long_running() const {
    return sidecar || kind == ContainerKind::kRegular;
  }
};

// Init containers in order, then regular, then ephemeral ones.
std::vector<ContainerSpec> Containers(const Json& pod);
// The container's object, or a null value.
const Json& FindContainer(const Json& pod, const std::string& name);

std::string Uid(const Json& pod);
std::string Namespace(const Json& pod);
std::string Name(const Json& pod);
std::string Annotation(const Json& pod, absl::string_view key);
// "name_namespace(uid)", as kubelet writes pods in its messages.
std::string Describe(const Json& pod);
bool IsMirror(const Json& pod);
bool IsStatic(const Json& pod);  // from a file
bool HostNetwork(const Json& pod);

// "Always", "OnFailure" or "Never".
std::string PodRestartPolicy(const Json& pod);
// Whether `container` runs again after it ended with `exit_code`: the pod's
// policy, the container's own, and its restartPolicyRules.
bool RestartsAfter(const Json& pod, const ContainerSpec& container,
                   int exit_code);

enum class Qos { kGuaranteed, kBurstable, kBestEffort };
Qos QosClass(const Json& pod);
std::string QosName(Qos qos);

// Changes when the container must be replaced: name and image.
std::string ContainerHash(const Json& container);

// Seconds of grace for a pod that nobody deleted explicitly.
absl::Duration SpecGrace(const Json& pod);

// metav1.Time: RFC 3339, whole seconds, UTC. "" for the infinite past.
std::string FormatApiTime(absl::Time time);
// InfinitePast if absent or malformed.
absl::Time ParseApiTime(const std::string& text);

}  // namespace agent::status

#endif  // CORACLE_AGENT_STATUS_SPEC_H_
