// SPDX-License-Identifier: Apache-2.0
// Sandbox is one pod sandbox: what it was asked to be, and where it stands.
//
//   (run) ──▶ READY ──Stop──▶ stopping ──▶ stopped ──Remove──▶ gone
//
// CRI knows two states: READY, and NOTREADY from the first moment of a stop.
// A half-made sandbox is not an object yet: it exists as a directory only.
#ifndef CORACLE_CRI_SANDBOX_SANDBOX_H_
#define CORACLE_CRI_SANDBOX_SANDBOX_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/executor.h"
#include "runtime/base/json.h"

namespace cri::sandbox {

// Thread safe. The public members do not change once the object is shared.
class Sandbox {
 public:
  explicit Sandbox(runtime::Executor* executor) : queue(executor) {}

  std::string id;  // 64 hex digits
  runtime::v1::PodSandboxConfig config;
  std::string runtime_handler;
  std::string cgroup_parent;  // as used, never empty
  std::string slice;          // that cgroup_parent is, or "": no systemd in it
  absl::Time created_at;
  int holder_pid = 0;
  int pause_pid = 0;
  // Its holder did not answer when the daemon started; what it would have told
  // comes as news when it does.
  bool silent_at_start = false;
  std::string shm_dir;           // becomes /dev/shm; "" = the host's
  std::string files_dir;         // holds hostname, hosts, resolv.conf
  std::vector<std::string> ips;  // empty with the host's network
  // News of this pod (records, events), one after another.
  runtime::SerialQueue queue;

  const runtime::v1::NamespaceOption& Namespaces() const;
  bool HostNetwork() const;
  // Below which its containers have their cgroups.
  std::string ContainersCgroup() const;

  bool IsReady() const ABSL_LOCKS_EXCLUDED(mutex_);
  // It has given back all that it held.
  bool IsTornDown() const ABSL_LOCKS_EXCLUDED(mutex_);
  // And its record says so: nothing of the stop is left to do.
  bool IsStopped() const ABSL_LOCKS_EXCLUDED(mutex_);

  // An operation that needs the sandbox READY until it is done.
  class Use {
   public:
    explicit Use(Sandbox* sandbox) : sandbox_(sandbox) {}
    Use(Use&& other) noexcept
        : sandbox_(std::exchange(other.sandbox_, nullptr)) {}
    ~Use() {
      if (sandbox_ != nullptr) sandbox_->Leave();
    }

   private:
    Sandbox* sandbox_;
  };
  // FAILED_PRECONDITION once it is no longer READY.
  absl::StatusOr<Use> Enter() ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes it NOTREADY and returns when no operation uses it any more; false if
  // one still does at the deadline.
  bool Close(absl::Time deadline = absl::InfiniteFuture())
      ABSL_LOCKS_EXCLUDED(mutex_);
  // NOTREADY without waiting: what it stood on is gone. False if it was.
  bool MarkDead() ABSL_LOCKS_EXCLUDED(mutex_);
  void SetTornDown() ABSL_LOCKS_EXCLUDED(mutex_);
  void SetStopped() ABSL_LOCKS_EXCLUDED(mutex_);
  // True for the one who is to tell that it has stopped: it is told once,
  // whether its holder died or it was torn down.
  bool TakeStopNews() ABSL_LOCKS_EXCLUDED(mutex_);

  // What the pod may use and what comes on top of its containers: as in
  // `config` until an update. For those who look; the client itself writes the
  // pod's cgroup.
  struct Limits {
    runtime::v1::LinuxContainerResources overhead, resources;
  };
  Limits GetLimits() const ABSL_LOCKS_EXCLUDED(mutex_);
  void SetLimits(Limits limits) ABSL_LOCKS_EXCLUDED(mutex_);

  // The record on disk and back.
  runtime::Json ToRecord() const;
  absl::Status FromRecord(const runtime::Json& body);

 private:
  void Leave() ABSL_LOCKS_EXCLUDED(mutex_);

  mutable absl::Mutex mutex_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = true;
  bool torn_down_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_told_ ABSL_GUARDED_BY(mutex_) = false;
  int uses_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<Limits> limits_ ABSL_GUARDED_BY(mutex_);
};
using SandboxPtr = std::shared_ptr<Sandbox>;

// A fresh 64-digit ID.
std::string NewId();

// CRI's views of it.
runtime::v1::PodSandbox ToListItem(const Sandbox& sandbox);
runtime::v1::PodSandboxStatus ToStatus(const Sandbox& sandbox);
bool Matches(const Sandbox& sandbox,
             const runtime::v1::PodSandboxFilter& filter);

using TextMap = google::protobuf::Map<std::string, std::string>;

// INVALID_ARGUMENT if metadata, labels or annotations are of more than 1 MiB
// each: they come back in every list, whose messages clients take up to 16 MiB.
absl::Status CheckTexts(const google::protobuf::Message& metadata,
                        const TextMap& labels, const TextMap& annotations);

// True if `labels` holds every pair of `selector`.
bool HasLabels(const TextMap& labels, const TextMap& selector);

}  // namespace cri::sandbox

#endif  // CORACLE_CRI_SANDBOX_SANDBOX_H_
