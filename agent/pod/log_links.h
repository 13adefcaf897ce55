// SPDX-License-Identifier: Apache-2.0
// The links in /var/log/containers by which log shippers find the logs of pods:
// one for each attempt, made at its start, gone with the pod's log directory.
#ifndef CORACLE_AGENT_POD_LOG_LINKS_H_
#define CORACLE_AGENT_POD_LOG_LINKS_H_

#include <string>

#include "absl/status/status.h"

namespace agent::pod {

// Removes the links in `links_dir` that point into a directory right below
// `logs_dir` which is not there any more. A link whose pod has its directory
// stays, even if the file is just being rotated away; so does every other file.
// Missing directories are none to look through. Thread safe, blocks.
absl::Status RemoveDeadLogLinks(const std::string& links_dir,
                                const std::string& logs_dir);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_LOG_LINKS_H_
