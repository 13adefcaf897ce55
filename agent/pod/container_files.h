// SPDX-License-Identifier: Apache-2.0
// The files of a pod that its containers write to: /etc/hosts and their last
// words. They lie in `memory`, a small tmpfs of the pod (volume::Manager's
// ContainerFiles), so that no container can fill the node's disk through them
// (CVE-2020-8557). Calls for one pod come from its worker only; they block.
#ifndef CORACLE_AGENT_POD_CONTAINER_FILES_H_
#define CORACLE_AGENT_POD_CONTAINER_FILES_H_

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace agent::pod {

// Writes the hosts file that all containers of the pod share, in place, since
// running ones have it mounted. Returns <pod_dir>/etc-hosts, a link to it.
absl::StatusOr<std::string> WriteHostsFile(const std::string& pod_dir,
                                           const std::string& memory,
                                           const std::string& content);

// What names a file of last words within a pod, "<container>/<hash>", of any
// path of it.
std::string WordsOf(absl::string_view path);

// Cuts the last words of all containers to kMaxTerminationMessage, but for
// those that WordsOf names in `held`: what a container writes to it may fill
// the tmpfs as long as it has not ended, and no longer. Before anything else is
// written. What fails is logged.
void CutEndedWords(const std::string& memory,
                   const std::set<std::string>& held);

// A new empty file for the last words of one attempt of `container`, which any
// user may write: <memory>/<container>/<hash>.
absl::StatusOr<std::string> MakeTerminationLog(const std::string& memory,
                                               const std::string& container);

// Bytes of such a file that are ever read.
inline constexpr size_t kMaxTerminationMessage = 4096;

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_CONTAINER_FILES_H_
