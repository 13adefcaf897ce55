// SPDX-License-Identifier: Apache-2.0
// Prober runs the startup, liveness and readiness probes of running containers
// (kubelet.md §1.5): exec through the CRI, HTTP, TCP and gRPC from the node. No
// thread waits for a probe: each one is a timer and a call with a callback.
#ifndef CORACLE_AGENT_PROBE_PROBER_H_
#define CORACLE_AGENT_PROBE_PROBER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/cri/client.h"
#include "agent/probe/net.h"
#include "agent/status/recorder.h"
#include "runtime/base/executor.h"
#include "runtime/base/json.h"

namespace agent::probe {

using runtime::Json;

// What the probes say of one container; without probes all is well.
struct State {
  bool started = true;
  bool ready = true;
  bool unhealthy = false;  // liveness or startup gave up: kill it
};

// Thread safe.
class Prober {
 public:
  // `on_change(pod uid)` is called when a container's State changes.
  Prober(cri::Client* cri, Net* net, runtime::Executor* executor,
         status::Recorder* events,
         std::function<void(const std::string&)> on_change);
  ~Prober();

  // Begins probing a running container. Known already: nothing. `last` is what
  // was known of one from before this agent; its probes go on from there.
  void Add(std::shared_ptr<const Json> pod, const std::string& container,
           const std::string& id, const std::string& pod_ip,
           absl::Time started_at, std::optional<State> last = std::nullopt)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Its end has been ordered: liveness and startup no longer matter.
  void Stopping(const std::string& id) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(const std::string& id) ABSL_LOCKS_EXCLUDED(mutex_);
  void RemovePod(const std::string& uid) ABSL_LOCKS_EXCLUDED(mutex_);
  // A container that is not known yet is what the probes in `spec` begin with.
  State Get(const std::string& id, const Json& spec) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // No probe begins any more, and no result counts.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Container;
  struct Probe;
  using ProbePtr = std::shared_ptr<Probe>;

  void Schedule(const ProbePtr& probe, absl::Duration delay);
  void Run(const ProbePtr& probe);
  void RunExec(const ProbePtr& probe, absl::Duration timeout);
  void OnResult(const ProbePtr& probe, absl::Status result);
  void Evaluate(const ProbePtr& probe, const absl::Status& result,
                bool& changed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  cri::Client* const cri_;
  Net* const net_;
  runtime::Executor* const executor_;
  status::Recorder* const events_;
  const std::function<void(const std::string&)> on_change_;
  mutable absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, std::shared_ptr<Container>> containers_
      ABSL_GUARDED_BY(mutex_);
  // Lets timers that outlive the prober find out.
  std::shared_ptr<Prober*> self_;
};

}  // namespace agent::probe

#endif  // CORACLE_AGENT_PROBE_PROBER_H_
