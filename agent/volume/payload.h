// SPDX-License-Identifier: Apache-2.0
// The files of configMap, secret, downwardAPI and projected volumes, computed
// from the objects they show.
#ifndef CORACLE_AGENT_VOLUME_PAYLOAD_H_
#define CORACLE_AGENT_VOLUME_PAYLOAD_H_

#include <string>

#include "absl/status/statusor.h"
#include "agent/volume/atomic_writer.h"
#include "agent/volume/manager.h"
#include "agent/volume/ownership.h"

namespace agent::volume {

// What every kind of payload is computed from. Borrowed.
struct PayloadContext {
  const Json& pod;
  const Ownership& ownership;
  const NodeFacts& node;
  object::Source& objects;
};

// `source` is the volume's member of that name; `mode` is used where an item
// names none. Missing objects and keys are NOT_FOUND with kubelet's text.
absl::StatusOr<Payload> ConfigMapPayload(const PayloadContext& context,
                                         const Json& source,
                                         const std::string& name, mode_t mode);
absl::StatusOr<Payload> SecretPayload(const PayloadContext& context,
                                      const Json& source,
                                      const std::string& name, mode_t mode);
absl::StatusOr<Payload> DownwardPayload(const PayloadContext& context,
                                        const Json& source, mode_t mode);
absl::StatusOr<Payload> ProjectedPayload(const PayloadContext& context,
                                         const Json& source, mode_t mode);

// `source.defaultMode`, 0644 if missing.
mode_t DefaultMode(const Json& source);

}  // namespace agent::volume

#endif  // CORACLE_AGENT_VOLUME_PAYLOAD_H_
