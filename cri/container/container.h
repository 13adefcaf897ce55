// SPDX-License-Identifier: Apache-2.0
// Container is one attempt to run a container of a pod: what was asked for and
// how far it came. Its phase only ever moves forward:
//
//   CREATED ──▶ RUNNING ──▶ EXITED        (CREATED ──▶ EXITED: start failed)
//
// whoever moves it (an RPC or the handler's event) also tells the news, so each
// step is told once.
#ifndef CORACLE_CRI_CONTAINER_CONTAINER_H_
#define CORACLE_CRI_CONTAINER_CONTAINER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cri/container/user.h"
#include "cri/sandbox/sandbox.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/json.h"
#include "runtime/handler/handler.h"

namespace cri::container {

// Thread safe. The public members do not change once the object is shared.
class Container {
 public:
  std::string id;
  sandbox::SandboxPtr sandbox;
  runtime::v1::ContainerConfig config;
  std::string image_id;   // "sha256:…"
  std::string image_ref;  // a repo digest, or the id
  Identity identity;
  int stop_signal = 15;
  std::string log_path;  // absolute, or ""
  absl::Time created_at;

  // Where it stands.
  struct State {
    runtime::ContainerPhase phase = runtime::ContainerPhase::kCreated;
    int pid = 0;
    absl::Time started_at = absl::InfinitePast();
    absl::Time finished_at = absl::InfinitePast();
    int exit_code = 0;
    bool oom_killed = false;
    std::string message;
    bool lost = false;  // gone without an exit code: the holder died
  };
  State GetState() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes over what the handler reports if that is a step forward; true if it
  // was. Of the same phase only the pid counts (records do not keep it).
  bool Advance(const runtime::ContainerState& state)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Below each hierarchy's root.
  std::string CgroupPath() const;
  // The limits in force: those of `config` until an update.
  runtime::v1::LinuxContainerResources Resources() const
      ABSL_LOCKS_EXCLUDED(mutex_);
  void SetResources(const runtime::v1::LinuxContainerResources& resources)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // What an update under way is to make of them, or nothing.
  std::optional<runtime::v1::LinuxContainerResources> WantedResources() const
      ABSL_LOCKS_EXCLUDED(mutex_);
  void SetWantedResources(
      std::optional<runtime::v1::LinuxContainerResources> wanted)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // What to tell in this order now that `type` is due: also what went before
  // it, if that one's turn comes late. Nothing of what was told.
  std::vector<runtime::v1::ContainerEventType> TakeNews(
      runtime::v1::ContainerEventType type) ABSL_LOCKS_EXCLUDED(mutex_);

  // EXITED without knowing how; false if it was already.
  bool MarkLost() ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits until EXITED. DEADLINE_EXCEEDED at the deadline, UNAVAILABLE after
  // EndWaits.
  absl::Status AwaitExit(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody waits for its exit any more: the server stops.
  void EndWaits() ABSL_LOCKS_EXCLUDED(mutex_);

  // A stop was asked for, with SIGKILL due at `kill_at`. Several requests share
  // the earliest time.
  struct StopTurn {
    bool first = false;    // this one sends the stop signal
    bool earlier = false;  // this one sets the kill timer
  };
  StopTurn BeginStop(absl::Time kill_at) ABSL_LOCKS_EXCLUDED(mutex_);
  // The stop signal could not be sent: the next stop sends it.
  void ForgetStop() ABSL_LOCKS_EXCLUDED(mutex_);

  // The record on disk and back; `sandbox` and `id` are set by the caller.
  runtime::Json ToRecord() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status FromRecord(const runtime::Json& body)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_);
  std::optional<runtime::v1::LinuxContainerResources> updated_
      ABSL_GUARDED_BY(mutex_);
  std::optional<runtime::v1::LinuxContainerResources> wanted_
      ABSL_GUARDED_BY(mutex_);
  int told_ ABSL_GUARDED_BY(mutex_) = -1;  // the last event; -1 = none
  std::optional<absl::Time> kill_at_ ABSL_GUARDED_BY(mutex_);
  bool waits_ended_ ABSL_GUARDED_BY(mutex_) = false;
};
using ContainerPtr = std::shared_ptr<Container>;

// CRI's views of it.
runtime::v1::ContainerState ToApiState(runtime::ContainerPhase phase);
runtime::v1::Container ToListItem(const Container& container);
runtime::v1::ContainerStatus ToStatus(const Container& container);
bool Matches(const Container& container,
             const runtime::v1::ContainerFilter& filter);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_CONTAINER_H_
