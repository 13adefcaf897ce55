// SPDX-License-Identifier: Apache-2.0
// What is done about attachments that are there: DEL and CHECK. Both go by the
// configuration, arguments and result of the ADD, however the files changed.
#ifndef CORACLE_CRI_NETWORK_CNI_ATTACHED_H_
#define CORACLE_CRI_NETWORK_CNI_ATTACHED_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cri/network/cni/attachment.h"
#include "cri/network/cni/spec/call.h"
#include "cri/network/cni/spec/conf.h"

namespace cri::network::cni {

// Who runs the plugins of a list.
using RunnerOf = std::function<Plugins&(const NetworkConf&)>;

// DEL, then its namespace is no longer pinned and its record gone. What fails
// ends it, to be repeated.
absl::Status Detach(const Attachments& attachments, const RunnerOf& runner_of,
                    absl::Time deadline, Attachment attachment);

// CHECK of each complete attachment of a sandbox: whether what ADD made is
// still there, by the first plugin that says no. Nothing if all their lists are
// older than CHECK or want none; NOT_FOUND if there is no attachment.
std::optional<absl::Status> CheckAttached(const Attachments& attachments,
                                          const RunnerOf& runner_of,
                                          absl::Time deadline,
                                          const std::string& sandbox_id);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_ATTACHED_H_
