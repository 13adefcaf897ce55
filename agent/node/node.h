// SPDX-License-Identifier: Apache-2.0
// Node keeps this host's Node object: registers it, reports its status, renews
// its lease, and hands the pod CIDR that the cluster gives it to the runtime.
// Three threads: status, lease, watch of the own object.
#ifndef CORACLE_AGENT_NODE_NODE_H_
#define CORACLE_AGENT_NODE_NODE_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "agent/api/outage.h"
#include "agent/config/kubelet.h"
#include "agent/node/conditions.h"
#include "agent/node/events.h"
#include "agent/node/facts.h"
#include "agent/node/lease.h"
#include "agent/node/object.h"

namespace agent::node {

struct Options {
  Identity identity;
  RuntimeInfo runtime;
  config::KubeletConfig config;
  std::string kubelet_dir;
};

// What the node asks of others. Called on the node's threads; may block for a
// second.
struct Hooks {
  std::function<Readiness()> readiness;
  std::function<std::vector<Image>()> images;
  // Called again until it succeeds.
  std::function<absl::Status(const std::string& pod_cidr)> on_pod_cidr;
};

// Thread safe.
class Node {
 public:
  // `client` outlives this.
  Node(Options options, Hooks hooks, api::Client* client);
  ~Node();

  // INVALID_ARGUMENT if the configuration has a bad quantity. Registration
  // itself goes on in the background until it succeeds.
  absl::Status Start();
  // Ends the threads; the Node object stays as it is.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Computes and sends the status now: readiness may have changed.
  void Kick() ABSL_LOCKS_EXCLUDED(mutex_);

  // The Node object as last seen, null before registration.
  runtime::Json Object() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void StatusLoop();
  void WatchLoop();
  // Blocks until the Node exists. False if stopped.
  bool Register();
  absl::Status RegisterOnce();
  absl::StatusOr<runtime::Json> ComputeStatus(bool* changed_ready);
  void Report(bool forced);
  // Sends the events of conditions that changed.
  void TellChanges(bool ready);
  // Lists, then watches until an error, or OK if there is a pod CIDR to offer
  // again.
  absl::Status WatchOnce();
  // Waits before the next attempt, longer each time. False if stopped.
  bool PauseWatch();
  void TakeNode(const runtime::Json& node);
  void Look(const runtime::Json& node);
  // If somebody else changed the conditions that were reported last, they are
  // reported again at once.
  void CheckConditions(const runtime::Json& node) ABSL_LOCKS_EXCLUDED(mutex_);
  // Notes what was sent, and the version that the server gave it.
  void Sent(runtime::Json status, const runtime::Json& answer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Sleeps; a Kick ends it early if `kickable`. False if stopped.
  bool Sleep(absl::Duration duration, bool kickable)
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::string Path() const;

  Options options_;
  const Hooks hooks_;
  api::Client* const client_;
  const HostFacts facts_;
  Events events_;
  Lease lease_;
  // Of the status thread.
  Conditions conditions_;
  std::vector<std::string> untold_;  // reasons of changes
  runtime::Json reported_;
  absl::Time reported_at_ = absl::InfinitePast();
  // Of the watch thread.
  std::string pod_cidr_;
  int unschedulable_ = -1;
  absl::Duration watch_pause_;
  api::Outage watch_outage_;

  const api::CancelToken cancel_;
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool kicked_ ABSL_GUARDED_BY(mutex_) = false;
  runtime::Json object_ ABSL_GUARDED_BY(mutex_);
  // What the last report said, and the version of the object then.
  runtime::Json sent_conditions_ ABSL_GUARDED_BY(mutex_);
  std::string sent_version_ ABSL_GUARDED_BY(mutex_);
  // The object whose conditions somebody else changed; null if none.
  runtime::Json drifted_ ABSL_GUARDED_BY(mutex_);
  std::thread status_thread_, watch_thread_;
};

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_NODE_H_
