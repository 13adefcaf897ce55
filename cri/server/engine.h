// SPDX-License-Identifier: Apache-2.0
// Engine is what all RPCs work on: the rooms of the CRI server, wired.
#ifndef CORACLE_CRI_SERVER_ENGINE_H_
#define CORACLE_CRI_SERVER_ENGINE_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cri/cdi/registry.h"
#include "cri/checkpoint/checkpoints.h"
#include "cri/config/config.h"
#include "cri/container/containers.h"
#include "cri/image/image.h"
#include "cri/network/network.h"
#include "cri/sandbox/record_commits.h"
#include "cri/sandbox/sandboxes.h"
#include "cri/server/events.h"
#include "cri/server/server.h"
#include "cri/server/unfinished_stops.h"
#include "cri/stats/sampler.h"
#include "cri/stream/server.h"
#include "runtime/base/executor.h"
#include "runtime/base/trash.h"
#include "runtime/handler/handler.h"

namespace cri::server {

// Thread safe once Open has returned it. Members are destroyed from the bottom
// up: the executors first, which ends all work, but for checkpoints, whose jobs
// are waited for before.
struct Engine {
  std::unique_ptr<network::Network> network;
  std::unique_ptr<image::ImageStore> images;
  EventBus events;
  cdi::Registry cdi{{}};
  std::unique_ptr<runtime::Handler> handler;
  std::unique_ptr<runtime::Trash> trash;
  std::unique_ptr<sandbox::RecordCommits> commits;
  std::unique_ptr<sandbox::Sandboxes> sandboxes;
  std::unique_ptr<container::Containers> containers;
  std::unique_ptr<checkpoint::Checkpoints> checkpoints;
  std::unique_ptr<stats::Sampler> sampler;
  std::unique_ptr<UnfinishedStops> unfinished_stops;
  std::unique_ptr<stream::Server> streams;  // stopped before the executor
  sandbox::Flights<absl::Status> stops;     // StopPodSandbox by id
  sandbox::Flights<absl::Status> removes;   // RemovePodSandbox by id
  std::unique_ptr<runtime::Executor> executor;
  // What the start leaves to be done: it must not keep calls waiting.
  std::unique_ptr<runtime::Executor> sweeper;

  // Makes the directories and the built-in rooms for what `options` leaves
  // out, then recovers what runs.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(ServerOptions options);
  ~Engine();

  // Kills the containers and frees what the sandbox holds. Repeatable; calls
  // at the same time share the work.
  absl::Status StopSandbox(const sandbox::SandboxPtr& sandbox,
                           absl::Time deadline);
  absl::Status RemoveSandbox(const sandbox::SandboxPtr& sandbox,
                             absl::Time deadline);
  // The server stops: calls and unfinished stops wait for no container's end.
  void EndWaits();

  // What holds now; Reload replaces it.
  std::shared_ptr<const config::Config> Config() const
      ABSL_LOCKS_EXCLUDED(config_mutex_);
  // Takes over the live keys of `fresh` and says in words what it did, or why
  // nothing.
  absl::StatusOr<std::string> Reload(absl::StatusOr<config::Config> fresh)
      ABSL_LOCKS_EXCLUDED(config_mutex_);
  struct Reloads {
    int count = 0;
    bool ok = true;
    std::string text;  // what the last one said
  };
  Reloads GetReloads() const ABSL_LOCKS_EXCLUDED(config_mutex_);

 private:
  // Lets the handler's news in while the rooms stand. The handler may be in the
  // middle of telling some when the engine ends.
  struct Gate {
    absl::Mutex mutex;
    bool open ABSL_GUARDED_BY(mutex) = true;
  };

  absl::Status Recover();
  absl::Status StartStreams();
  void OnState(const runtime::ContainerState& state);
  void MakeSampler();
  void MakeUnfinishedStops();
  void FinishStops();
  void MakeSandboxes(const config::Config& config);
  void MakeContainers(const config::Config& config);
  void MakeCheckpoints(const config::Config& config);
  void PublishEvent(const sandbox::Sandbox& sandbox, const std::string& id,
                    runtime::v1::ContainerEventType type);

  void Apply(const config::Config& config);

  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  mutable absl::Mutex config_mutex_;
  std::shared_ptr<const config::Config> config_ ABSL_GUARDED_BY(config_mutex_);
  Reloads reloads_ ABSL_GUARDED_BY(config_mutex_);
};

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_ENGINE_H_
