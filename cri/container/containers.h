// SPDX-License-Identifier: Apache-2.0
// Containers runs the container life cycle: it alone creates, starts, stops and
// removes containers, keeps their records, and finds them after a restart.
//
//   <root>/containers/<id>.json         record; after the handler has created
//   it <root>/containers/<id>/             upper, work, rootfs, config.json
#ifndef CORACLE_CRI_CONTAINER_CONTAINERS_H_
#define CORACLE_CRI_CONTAINER_CONTAINERS_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cri/cdi/registry.h"
#include "cri/container/container.h"
#include "cri/image/image.h"
#include "cri/sandbox/flights.h"
#include "cri/sandbox/registry.h"
#include "cri/sandbox/sandboxes.h"
#include "runtime/base/executor.h"
#include "runtime/base/trash.h"
#include "runtime/handler/handler.h"

namespace cri::container {

struct ContainersOptions {
  std::string root;
  runtime::Executor* executor = nullptr;
  // For what a create left that cannot be undone at once.
  runtime::Executor* sweeper = nullptr;
  // Before that is tried again the first time.
  absl::Duration undo_patience = absl::Seconds(1);
  runtime::Handler* handler = nullptr;
  image::ImageStore* images = nullptr;
  sandbox::Sandboxes* sandboxes = nullptr;
  runtime::Trash* trash = nullptr;
  sandbox::RecordCommits* commits = nullptr;  // null: when the kernel likes
  const cdi::Registry* cdi = nullptr;
  // Annotations of the pod, by name, that a handler may see.
  std::function<std::vector<std::string>(const std::string& handler)>
      pod_annotations;
  // Bytes of a log file of containers that are made now; 0 = no limit.
  std::function<int64_t()> log_cap;
  // Told of CREATED, STARTED, STOPPED, DELETED on the sandbox's queue, after
  // the record holds the news.
  std::function<void(const ContainerPtr&, runtime::v1::ContainerEventType)>
      notify;
};

// Thread safe; calls block.
class Containers {
 public:
  explicit Containers(ContainersOptions options);

  // Reads the records, asks the handler how each stands now, and sweeps halves.
  // After Sandboxes::Recover, before any other call.
  absl::Status Recover();

  // For Handler::SetListener.
  void OnState(const runtime::ContainerState& state);

  // The same request while one is under way joins it; afterwards it returns
  // the container that exists.
  absl::StatusOr<ContainerPtr> Create(
      const sandbox::SandboxPtr& sandbox,
      const runtime::v1::ContainerConfig& config, absl::Time deadline);
  // FAILED_PRECONDITION unless CREATED; but a call that came while another one
  // started it succeeds if that start did, however late. If the workload cannot
  // be executed, the error says why and the container is EXITED with code 128.
  absl::Status Start(const ContainerPtr& container, absl::Time deadline);
  // Returns when dead. A stop under way is made shorter, never longer.
  absl::Status Stop(const ContainerPtr& container, absl::Duration grace,
                    absl::Time deadline);
  // Stops that wait answer UNAVAILABLE from now on: the server stops, and a
  // grace period may be long. What could not be undone is not tried again.
  void EndWaits();
  // Changes limits: what is 0 or empty stays. All or nothing, and kept over a
  // restart. INVALID_ARGUMENT with the field at fault; FAILED_PRECONDITION if
  // the container has exited or uses more memory than it would be allowed.
  absl::Status Update(const ContainerPtr& container,
                      const runtime::v1::LinuxContainerResources& change);
  // Kills if need be and forgets it.
  absl::Status Remove(const ContainerPtr& container, absl::Time deadline);

  // All of a sandbox that is closed, at once.
  absl::Status KillAll(const sandbox::SandboxPtr& sandbox, absl::Time deadline);

  absl::StatusOr<ContainerPtr> Find(absl::string_view prefix) const {
    return registry_.Find(prefix);
  }
  std::vector<ContainerPtr> List() const { return registry_.List(); }
  std::vector<ContainerPtr> ListOf(const sandbox::Sandbox& sandbox) const;
  // What a filter has to look through that wants these IDs, each whole, the
  // beginning of it or "": never less than what fits, and little if it is
  // whole.
  std::vector<ContainerPtr> ListFor(absl::string_view prefix,
                                    const std::string& sandbox_prefix) const;

  // The OCI config that it was created with, for verbose status.
  std::string ReadOciConfig(const std::string& id) const;

 private:
  // While the sandbox is in use (Sandbox::Enter).
  absl::StatusOr<ContainerPtr> Make(const sandbox::SandboxPtr& sandbox,
                                    const runtime::v1::ContainerConfig& config);
  absl::Status Build(Container& container, const image::Image& image);
  absl::Status HoldVolumes(Container& container);
  absl::Status CheckFeatures(const Container& container) const;
  absl::StatusOr<std::string> WriteOciConfig(Container& container,
                                             const image::Image& image);
  absl::StatusOr<int> TargetPid(const Container& container) const;
  absl::Status StartNow(const ContainerPtr& container);
  absl::Status UpdateNow(const ContainerPtr& container,
                         const runtime::v1::LinuxContainerResources& change);
  // All of them or none.
  absl::Status Apply(const Container& container,
                     const runtime::v1::LinuxContainerResources& limits);
  // Brings an update that a killed daemon began to its end or, where that is
  // impossible by now, takes it back. Nothing without one; an exited container
  // only forgets it. On the sandbox's queue.
  absl::Status FinishUpdate(Container& container);
  // The same with `change` over what it wanted, for one that FinishUpdate left
  // as it is: whoever asks again with limits that are possible repairs it.
  absl::Status Supersede(Container& container,
                         const runtime::v1::LinuxContainerResources& change);
  absl::Status RemoveNow(const ContainerPtr& container, absl::Time deadline);
  runtime::Executor::TimerId KillLater(const ContainerPtr& container,
                                       absl::Time when);
  absl::Status AwaitDeath(const ContainerPtr& container, absl::Time kill_at,
                          absl::Time deadline);
  absl::Status KillNow(const Container& container);
  // Takes back what Build did, up to the first failure: files and image that a
  // holder may still use stay. Then it is false, and tried again after
  // `patience`, which gets longer. The sandboxes are those whose holders may
  // have it.
  bool Undo(const std::vector<std::string>& sandbox_ids, const std::string& id,
            absl::Duration patience);
  void UndoLater(const std::vector<std::string>& sandbox_ids,
                 const std::string& id, absl::Duration patience);
  absl::Status UndoNow(const std::vector<std::string>& sandbox_ids,
                       const std::string& id);
  ContainerPtr FindSame(const sandbox::Sandbox& sandbox,
                        const runtime::v1::ContainerMetadata& metadata) const;
  absl::Status Save(const Container& container) const;
  // Writes the record and tells the news, in order, on the sandbox's queue.
  void Publish(const ContainerPtr& container,
               runtime::v1::ContainerEventType type);
  // The same at once, for callers on that queue.
  void Tell(const ContainerPtr& container,
            runtime::v1::ContainerEventType type);
  absl::Status Load(const std::string& id, const runtime::Json& body);
  // Of creates that were cut short, while a start cleans up.
  struct Halves {
    std::set<std::string> kept;        // that a holder has, or may have
    std::vector<std::string> unheard;  // sandboxes whose holders did not answer
  };
  void Reconcile(const sandbox::SandboxPtr& sandbox, Halves* halves);
  void FinishUpdates();
  void SweepFiles(Halves* halves);
  void RestoreHolds();
  void SweepHolds(const std::set<std::string>& kept);
  std::string Dir(const std::string& id) const;
  std::string RecordPath(const std::string& id) const;
  std::string MountPointsDir() const;

  const ContainersOptions options_;
  const std::string records_dir_;
  // By sandbox.
  static std::vector<std::string> GroupsOf(const Container& container);
  sandbox::Registry<Container> registry_{"container", &GroupsOf};
  sandbox::Flights<absl::StatusOr<ContainerPtr>> creates_;
  sandbox::Flights<absl::Status> starts_;
  sandbox::Flights<absl::Status> removes_;
  absl::Mutex undo_mutex_;
  bool undoing_ ABSL_GUARDED_BY(undo_mutex_) = false;  // one at a time
  bool undos_ended_ ABSL_GUARDED_BY(undo_mutex_) = false;
};

// log_directory/log_path, "" if either is empty.
std::string LogPath(const runtime::v1::PodSandboxConfig& sandbox,
                    const runtime::v1::ContainerConfig& config);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_CONTAINERS_H_
