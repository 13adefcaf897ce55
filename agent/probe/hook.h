// SPDX-License-Identifier: Apache-2.0
// Lifecycle hooks: exec, httpGet, tcpSocket and sleep handlers of postStart and
// preStop.
#ifndef CORACLE_AGENT_PROBE_HOOK_H_
#define CORACLE_AGENT_PROBE_HOOK_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/cri/client.h"
#include "agent/probe/net.h"
#include "runtime/base/executor.h"
#include "runtime/base/json.h"

namespace agent::probe {

// Runs one handler of container `name` (CRI id `id`). `hook` is "postStart", or
// the handler's own JSON text as the runtime keeps it for preStop. `done` runs
// once, at the latest after `limit`; it must not block.
void RunHook(cri::Client* cri, Net* net, runtime::Executor* executor,
             std::shared_ptr<const runtime::Json> pod, const std::string& name,
             const std::string& hook, const std::string& id,
             const std::string& pod_ip, absl::Duration limit,
             std::function<void(absl::Status)> done);

}  // namespace agent::probe

#endif  // CORACLE_AGENT_PROBE_HOOK_H_
