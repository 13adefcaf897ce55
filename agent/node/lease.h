// SPDX-License-Identifier: Apache-2.0
// The node's heartbeat: a Lease in kube-node-lease, renewed on a thread of its
// own that waits for nothing else.
#ifndef CORACLE_AGENT_NODE_LEASE_H_
#define CORACLE_AGENT_NODE_LEASE_H_

#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "runtime/base/json.h"

namespace agent::node {

// The Lease to write: `previous` is what the server holds (null: none yet),
// `node_uid` may be empty while the Node is not known.
runtime::Json MakeLease(const runtime::Json& previous,
                        const std::string& node_name,
                        const std::string& node_uid, int64_t duration_seconds,
                        absl::Time now);

class Lease {
 public:
  // `client` outlives this.
  Lease(api::Client* client, std::string node_name, int64_t duration_seconds);
  ~Lease();  // stops

  void Start();
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Becomes the owner of the lease with the next renewal.
  void SetNodeUid(const std::string& uid) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  absl::Status Renew(const std::string& node_uid);
  // False if stopped meanwhile.
  bool Sleep(absl::Duration duration) ABSL_LOCKS_EXCLUDED(mutex_);

  api::Client* const client_;
  const std::string node_name_;
  const int64_t duration_seconds_;
  runtime::Json lease_;  // of the thread
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::string node_uid_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace agent::node

#endif  // CORACLE_AGENT_NODE_LEASE_H_
