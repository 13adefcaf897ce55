// SPDX-License-Identifier: Apache-2.0
// Worker drives one pod, from its first appearance to the last file removed.
// README.md of this room has the state machine. Everything runs on the worker's
// serial queue; nothing in it waits: long steps are calls with callbacks, waits
// are timers, and each piece of news ends in Sync(), which asks ComputeActions
// what to do next.
#ifndef CORACLE_AGENT_POD_WORKER_H_
#define CORACLE_AGENT_POD_WORKER_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/pod/actions.h"
#include "agent/pod/backoff.h"
#include "agent/pod/container_config.h"
#include "agent/pod/deps.h"
#include "agent/pod/facts.h"
#include "agent/pod/sandbox_config.h"
#include "agent/pod/snapshot.h"

namespace agent::pod {

// Public methods are thread safe and return at once.
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  // `facts` is what the runtime held of this pod when the agent started.
  Worker(Deps* deps, PodPtr pod, Facts facts);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Begins; a held worker waits for Release (an older pod of the same name
  // still ends).
  void Start(bool hold);
  void Release();
  void Update(PodPtr pod);
  // The pod is gone from its source: end it and clean up.
  void Remove();
  // The node does not take it: phase Failed, nothing is started.
  void Reject(const std::string& reason, const std::string& message);
  void Observe(v1::ContainerEventResponse event);
  // Asks the runtime for everything of this pod.
  void Refresh();
  // Looks again; `objects_changed` also refreshes volumes.
  void Wake(bool objects_changed);

  PodSnapshot Snapshot() const ABSL_LOCKS_EXCLUDED(mutex_);
  // It still takes its share of the node.
  bool Active() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return !snapshot_.finished && !snapshot_.terminal;
  }
  const std::string& uid() const { return uid_; }
  const std::string& full_name() const { return full_name_; }

 private:
  enum class State { kHeld, kSync, kTerminating, kTerminated, kDone };
  enum class Stage { kIdle, kImage, kReady, kCreate, kStart, kHook };

  // One container's way to its next attempt.
  struct Op {
    explicit Op(absl::Duration crash_max);
    Stage stage = Stage::kIdle;
    // Images that the next attempt needs: its own, then those of volumes, each
    // as {name of the volume, image, imagePullPolicy}; and what was found.
    std::vector<Json> wanted;
    size_t next_wanted = 0;
    ImageOutcome image;
    std::map<std::string, v1::Image> volume_images;
    std::string reason, message;  // why it waits
    absl::Time retry_at = absl::InfinitePast();
    absl::Time crash_until = absl::InfinitePast();  // for those who look
    Backoff crash, pull, error;
    std::string crash_image;  // the back-offs belong to this image
    std::string passed_id;    // the ended attempt whose back-off is over
    std::string replaced_id;  // ended by us, to be started anew
  };
  // A container being ended.
  struct Stop {
    absl::Time deadline;
    bool hook_running = false;
    int calls = 0;
  };

  void Post(std::function<void(Worker&)> task);

  // worker.cc
  void Sync();
  void Apply(PodPtr pod);
  bool MustEnd();
  void CheckDeadline();
  void WakeAt(absl::Time time);
  Op& OpOf(const std::string& name);
  bool Busy() const;

  // worker_status.cc
  ActualView View();
  status::Input StatusInput();
  void Publish();
  void Event(const std::string& container, status::EventType type,
             const std::string& reason, const std::string& message);
  // Started and ready of a container, as the status before this agent has it.
  probe::State LastState(const ContainerFact& fact) const;

  // worker_news.cc
  void Adopt();
  void ContainerNews(const v1::ContainerStatus& status,
                     const std::string& sandbox_id);
  void OnListed(absl::Time asked,
                absl::StatusOr<v1::ListPodSandboxResponse> sandboxes,
                absl::StatusOr<v1::ListContainersResponse> containers);
  void ForgetMissing(absl::Time asked,
                     const v1::ListPodSandboxResponse& sandboxes,
                     const v1::ListContainersResponse& containers);

  // worker_waits.cc
  std::vector<Wait> Waits();
  void WaitsOfRunning(std::vector<Wait>* waits);
  Wait WaitOfContainer(const status::ContainerSpec& spec);
  Wait WaitOfProbes(const status::ContainerSpec& spec);

  // worker_sandbox.cc
  void SyncRunning();
  void PrepareVolumes();
  void OnMounted(absl::StatusOr<volume::HostPaths> paths);
  void MakeSandbox();
  void EndSandbox(const std::string& id);
  bool NetworkUp();
  void OnSandbox(absl::StatusOr<v1::RunPodSandboxResponse> response);
  void OnSandboxStatus(absl::StatusOr<v1::PodSandboxStatus> status);
  void SandboxFailed(const absl::Status& status);
  absl::Status MakeDirs();
  void Retire();

  // worker_image.cc
  void EnsureImage(const status::ContainerSpec& spec, Op& op);
  void EnsureNextImage(const std::string& name, Op& op);
  void OnImage(const std::string& name, ImageOutcome outcome);
  void ImageFailed(const std::string& name, const std::string& image,
                   const ImageFailure& failure, Op& op);
  void ShowPullBackoff(const std::string& name, const std::string& image);

  // worker_start.cc
  void Advance(const status::ContainerSpec& spec);
  bool InCrashBackoff(const status::ContainerSpec& spec, Op& op);
  ContainerPlan PlanContainer(const status::ContainerSpec& spec,
                              const v1::Image& image,
                              const v1::PodSandboxStatus& sandbox);
  void Create(const status::ContainerSpec& spec, Op& op);
  void ConfigFailed(const std::string& name, const absl::Status& why);
  void OnCreated(const std::string& name, const std::string& sandbox_id,
                 const v1::ContainerConfig& config,
                 absl::StatusOr<v1::CreateContainerResponse> response);
  void StartCreated(const std::string& name, const std::string& id);
  void OnStarted(const std::string& name, const std::string& id,
                 absl::Status status);
  void OnRunning(const std::string& name, const std::string& id,
                 absl::StatusOr<v1::ContainerStatus> status);
  void OnPostStart(const std::string& name, const std::string& id,
                   absl::Status status);
  void Fail(const std::string& name, const std::string& reason,
            const std::string& message);
  uint32_t NextAttempt(const std::string& name);
  void StartProbes(const std::string& name, ContainerFact& fact,
                   std::optional<probe::State> last = std::nullopt);

  // worker_stop.cc
  void BeginTermination();
  void SyncTerminating();
  void SyncTerminated();
  void StopContainer(ContainerFact& fact, absl::Time deadline,
                     const std::string& message);
  // The preStop hook of container `id` has ended, or its time is over; OK if
  // it did what it should.
  void EndHook(const std::string& id, const std::string& name,
               const absl::Status& result);
  // At `deadline` the hook no longer holds the stop.
  void LimitHook(const std::string& id, const std::string& name,
                 absl::Time deadline);
  void CallStop(const std::string& id);
  void OnStopped(const std::string& id, absl::Status status);
  void OnSandboxStopped(const std::string& id, absl::Status status);
  void OnSandboxRemoved(const std::string& id, absl::Status status);
  void Clean();
  absl::Status RemoveFiles();
  absl::Duration Grace();
  void Finish();

  Deps* const deps_;
  const std::string uid_, full_name_;
  runtime::SerialQueue queue_;

  // All below belongs to the queue.
  State state_ = State::kHeld;
  PodPtr pod_;
  Facts facts_;
  PodPtr status_;  // last computed
  absl::Time start_time_;
  bool removed_ = false, published_ = false;
  bool deadline_set_ = false;
  std::string failed_reason_, failed_message_;
  std::map<std::string, Op> ops_;
  std::map<std::string, Stop> stops_;  // by container ID

  bool mounting_ = false, mounted_ = false, remount_ = false;
  volume::HostPaths host_paths_;
  Backoff mount_backoff_{absl::Milliseconds(500), absl::Minutes(2)};
  absl::Time mount_retry_ = absl::InfinitePast();
  std::string mount_problem_;  // why the last try failed

  bool sandbox_busy_ = false, dirs_made_ = false;
  std::optional<SandboxPlan> plan_;
  Backoff sandbox_backoff_{absl::Seconds(1), absl::Seconds(10)};
  absl::Time sandbox_retry_ = absl::InfinitePast();
  std::string sandbox_problem_;  // why the last try failed
  std::set<std::string> stopping_sandboxes_, removing_sandboxes_;
  std::set<std::string> removing_containers_;

  absl::Time stop_deadline_ = absl::InfiniteFuture();
  absl::Duration grace_ = absl::InfiniteDuration();
  bool cleaned_ = false, files_removed_ = false, deleting_ = false;
  absl::Time clean_retry_ = absl::InfinitePast();
  Backoff clean_backoff_{absl::Milliseconds(100), absl::Seconds(10)};

  absl::Time wake_at_ = absl::InfiniteFuture();

  mutable absl::Mutex mutex_;
  PodSnapshot snapshot_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_WORKER_H_
