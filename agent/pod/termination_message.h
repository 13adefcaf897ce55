// SPDX-License-Identifier: Apache-2.0
// The last words of a container: its termination message file, or the end of
// its log. Both were written by the container and are read with care.
#ifndef CORACLE_AGENT_POD_TERMINATION_MESSAGE_H_
#define CORACLE_AGENT_POD_TERMINATION_MESSAGE_H_

#include <string>

#include "proto/cri/v1/api.pb.h"

namespace agent::pod {

// Where on the host the container's last words are; "" if it has no such file.
std::string TerminationLog(const ::runtime::v1::ContainerStatus& cri);

// "" if there is none. The paths come from the runtime's record, so this works
// after an agent restart, too.
std::string ReadTerminationMessage(const ::runtime::v1::ContainerStatus& cri);

// The text of the last lines of a CRI log: at most `max_lines` and `max_bytes`.
std::string TailOfLog(const std::string& log, int max_lines, size_t max_bytes);

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_TERMINATION_MESSAGE_H_
