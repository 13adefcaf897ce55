// SPDX-License-Identifier: Apache-2.0
// Static pod manifests: text → pods as this node runs them. Pure.
#ifndef CORACLE_AGENT_SOURCE_MANIFEST_H_
#define CORACLE_AGENT_SOURCE_MANIFEST_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/json.h"

namespace agent::source {

using runtime::Json;

struct Manifest {
  std::vector<Json> pods;
  // One per document that is not a pod: file, field and reason.
  std::vector<absl::Status> errors;
};

// All documents of `text` (YAML or JSON; Pod, PodList or List). A pod gets the
// suffix "-<node>", a UID made from file name and content, and the annotations
// kubernetes.io/config.{source,hash,seen}.
Manifest ParseManifest(absl::string_view text, const std::string& file,
                       const std::string& node_name, const std::string& seen);

}  // namespace agent::source

#endif  // CORACLE_AGENT_SOURCE_MANIFEST_H_
