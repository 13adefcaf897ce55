// SPDX-License-Identifier: Apache-2.0
// Mirror pods: the API server's image of static pods. Made for each static pod,
// made again when somebody deletes them, removed with the file. Never the other
// way round: what happens to a mirror does not touch the containers.
#ifndef CORACLE_AGENT_POD_MIRROR_H_
#define CORACLE_AGENT_POD_MIRROR_H_

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "agent/api/client.h"
#include "agent/status/writer.h"
#include "runtime/base/executor.h"
#include "runtime/base/json.h"

namespace agent::pod {

using runtime::Json;

// The object to create for `pod`: its labels, spec and annotations, owned by
// the node.
Json MirrorOf(const Json& pod, const std::string& node_name,
              const std::string& node_uid);

// Thread safe. Without a client nothing is mirrored.
class Mirrors {
 public:
  Mirrors(api::Client* client, status::Writer* writer,
          runtime::Executor* executor, std::string node_name);
  ~Mirrors();

  // Intake: static pods by "ns/name", mirror pods as the API shows them.
  void SetStatic(const std::string& name, std::shared_ptr<const Json> pod);
  void RemoveStatic(const std::string& name);
  void SetMirror(std::shared_ptr<const Json> mirror);
  void RemoveMirror(const std::string& name, const std::string& uid);
  // Mirrors are only made once the API server's list is known.
  void Synced();

 private:
  struct Pair {
    std::shared_ptr<const Json> pod, mirror;
    bool busy = false;
  };
  void Reconcile(const std::string& name);
  absl::Status Step(const Json* pod, const Json* mirror);
  absl::StatusOr<std::string> NodeUid();

  api::Client* const client_;
  status::Writer* const writer_;
  runtime::Executor* const executor_;
  const std::string node_name_;
  runtime::SerialQueue queue_;
  absl::Mutex mutex_;
  bool synced_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Pair> pairs_ ABSL_GUARDED_BY(mutex_);
  std::string node_uid_;  // queue only
  std::shared_ptr<Mirrors*> self_;
};

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_MIRROR_H_
