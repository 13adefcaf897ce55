// SPDX-License-Identifier: Apache-2.0
// The Node object as this agent writes it. Pure functions on JSON.
#ifndef CORACLE_AGENT_NODE_OBJECT_H_
#define CORACLE_AGENT_NODE_OBJECT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/config/kubelet.h"
#include "agent/node/facts.h"
#include "runtime/base/json.h"

namespace agent::node {

// An image for the node's status: names with digests and tags.
struct Image {
  std::vector<std::string> names;
  int64_t size_bytes = 0;
};

struct RuntimeInfo {
  std::string name, version;                        // "coracle", "0.1.0"
  runtime::Json handlers = runtime::Json::array();  // status.runtimeHandlers
  bool supplemental_groups_policy = false;
};

// The version that the node reports. Its pre-release part sorts below the
// plain version, so it is never newer than an API server of that version.
inline constexpr char kKubeletVersion[] = "v1.36.2-coracle." CORACLE_VERSION;

// The version to report to an API server of `git_version` ("v1.34.1"): a node
// must not claim to be newer than its server.
std::string KubeletVersion(const std::string& git_version);

struct Identity {
  std::string name;
  std::vector<std::string> ips;
  std::map<std::string, std::string> labels;  // besides the default ones
  std::string cri_socket;                     // for kubeadm's annotation
  std::string kubelet_version = kKubeletVersion;
};

// status without conditions and images.
absl::StatusOr<runtime::Json> BaseStatus(const Identity& identity,
                                         const config::KubeletConfig& config,
                                         const HostFacts& facts,
                                         const Usage& usage,
                                         const RuntimeInfo& runtime);

// status.images: at most `max` (-1: all), biggest first, five names each,
// digests first.
runtime::Json ImageList(std::vector<Image> images, int64_t max);

// The whole object for the first POST.
runtime::Json NewNode(const Identity& identity,
                      const config::KubeletConfig& config,
                      const HostFacts& facts, const runtime::Json& status);

// What must be patched into a Node that exists already: default labels and
// annotations that differ. Null if nothing.
runtime::Json Reconcile(const runtime::Json& existing,
                        const runtime::Json& wanted);

// A strategic merge patch of nodes/status. Addresses merge by type there, so
// the list replaces the old one as a whole.
runtime::Json StatusPatch(const runtime::Json& status);

// True if they differ in more than heartbeat times.
bool StatusChanged(const runtime::Json& before, const runtime::Json& after);

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_OBJECT_H_
