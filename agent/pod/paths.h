// SPDX-License-Identifier: Apache-2.0
// Where a pod's files are: kubelet's own layout, which log shippers and CSI
// drivers rely on.
#ifndef CORACLE_AGENT_POD_PATHS_H_
#define CORACLE_AGENT_POD_PATHS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/pod/engine.h"
#include "agent/status/spec.h"

namespace agent::pod {

inline std::string PodDir(const EngineOptions& options,
                          const std::string& uid) {
  return absl::StrCat(options.kubelet_dir, "/pods/", uid);
}

inline std::string LogDir(const EngineOptions& options,
                          const runtime::Json& pod) {
  return absl::StrCat(options.pod_logs_dir, "/", status::Namespace(pod), "_",
                      status::Name(pod), "_", status::Uid(pod));
}

inline std::string LogLink(const EngineOptions& options,
                           const runtime::Json& pod,
                           const std::string& container,
                           const std::string& container_id) {
  return absl::StrCat(options.container_logs_dir, "/", status::Name(pod), "_",
                      status::Namespace(pod), "_", container, "-", container_id,
                      ".log");
}

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_PATHS_H_
