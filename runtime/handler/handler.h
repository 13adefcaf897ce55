// SPDX-License-Identifier: Apache-2.0
// Handler is the seam between the CRI engine and what runs containers: the
// built-in launcher and holders, external OCI runtimes, later microVMs.
//
// Thread rule: all methods are thread safe and may block (launch, mounts,
// waiting for a process); none may be called with a lock held. Calls for one
// sandbox are serialised by the implementation where the kernel needs it.
// Every method is idempotent in the sense that its comment gives.
#ifndef CORACLE_RUNTIME_HANDLER_HANDLER_H_
#define CORACLE_RUNTIME_HANDLER_HANDLER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "runtime/handler/stream.h"
#include "runtime/ns/user.h"

namespace runtime {

// What a sandbox's holder is made with. The holder lives in the pod's own
// network, IPC and UTS namespaces and keeps them; containers inherit them.
struct SandboxOptions {
  std::string id;
  // What makes its containers, see Handler::SetRuntimes; for its whole life.
  std::string handler;
  std::string hostname;  // ignored with host_uts/host_network
  bool host_network = false;
  bool host_ipc = false;
  bool host_pid = false;
  // The pod's containers share one PID namespace, whose process 1 is a pause
  // process of coracle-oci itself (no image).
  bool share_pid = false;
  // cgroup of the pod below each hierarchy's root ("/kubepods/burstable/pod…");
  // created with its first container. Neither holder nor pause enter it.
  std::string cgroup_parent;
  // The systemd slice that cgroup_parent is (systemd::SlicePath), or "". With
  // one, systemd makes it if it is missing, and in it a scope for the sandbox
  // (systemd::ScopeName); cgroups of containers belong below the scope's.
  std::string slice;
  // Namespaced sysctls, name with dots → value, already validated.
  std::map<std::string, std::string> sysctls;
  int64_t shm_bytes = 64 << 20;
  // Of the pod's own user namespace, which then owns its network, IPC, UTS and
  // PID namespaces; empty: the host's. Containers' configs name the same
  // mappings. Only if Features() has user_namespaces.
  ns::IdMaps id_maps;
};

// An OCI runtime that makes containers in place of the built-in one. Holders
// keep what it makes, so that logs, exit codes and everything else are the
// same.
struct OciRuntime {
  std::string path;               // of its binary; "" = the built-in one
  std::string root;               // its state; "" = where it keeps it by itself
  std::vector<std::string> args;  // before its command, as "--debug"
};

// What its containers can have on this host; found out by trying or, of
// another runtime, by asking it.
struct HandlerFeatures {
  bool user_namespaces = false;
  bool recursive_read_only_mounts = false;
  std::string no_user_namespaces;  // why not
};

struct SandboxState {
  std::string id;
  pid_t holder_pid = 0;  // /proc/<pid>/ns/{net,ipc,uts} are the pod's
  pid_t pause_pid = 0;   // 0 without share_pid
  // The pod's shared memory, a tmpfs of shm_bytes: bind it to /dev/shm of every
  // container. Empty with host_ipc. Goes with the sandbox.
  std::string shm_dir;
  // A tmpfs of a few MiB for the files that its containers share, such as
  // /etc/hosts: what they write to those stays within it and is their own
  // memory, never the node's disk. Goes with the sandbox.
  std::string files_dir;
};

// One container. `oci_config` is an OCI runtime-spec config.json, complete but
// for what the sandbox decides: namespaces with an empty path are new, absent
// ones are the sandbox's.
struct ContainerOptions {
  std::string sandbox_id;
  std::string id;
  std::string oci_config;
  // The root: overlay of `lower_dirs` (top first) with `upper_dir` and
  // `work_dir`, mounted only inside the container's mount namespace at
  // `rootfs_dir`, an existing empty directory of the container's own. Without
  // lower_dirs, `rootfs_dir` is the prepared root itself. The directory that
  // holds it is told to hooks as the bundle, so config.json should be there.
  std::vector<std::string> lower_dirs;
  std::string upper_dir;
  std::string work_dir;
  std::string rootfs_dir;
  std::string log_path;  // absolute; "" = output is discarded
  bool tty = false;
  bool stdin_open = false;
  bool stdin_once = false;
};

enum class ContainerPhase { kCreated, kRunning, kExited };

struct ContainerState {
  std::string sandbox_id;
  std::string id;
  ContainerPhase phase = ContainerPhase::kCreated;
  pid_t pid = 0;  // in the holder's PID namespace; 0 once exited
  absl::Time created_at = absl::InfinitePast();
  absl::Time started_at = absl::InfinitePast();
  absl::Time finished_at = absl::InfinitePast();
  int exit_code = 0;  // 0–255; 128 + N for signal N
  bool oom_killed = false;
  std::string message;  // why a start failed ("exec /nope: No such file …")
  // Set-up phases of the start in order and how long each took.
  std::vector<std::pair<std::string, absl::Duration>> phases;
};

struct ExecOptions {
  std::vector<std::string> args;
  // 0 = no limit. At the limit the whole process tree of the exec is killed
  // and the result is DEADLINE_EXCEEDED.
  absl::Duration timeout = absl::ZeroDuration();
  size_t max_output_bytes = 16 << 20;  // for each stream; the rest is dropped
};

struct CheckpointOptions {
  // Both absolute and empty, and ours alone. Afterwards `images_dir` holds
  // CRIU's images and `work_dir` dump.log, stats-dump and what else it needed.
  std::string images_dir, work_dir;
  // Called while all processes of the container stand still, what they were is
  // written, and they have not gone on yet: for files that belong to them. They
  // go on when it returns. Its error becomes that of the checkpoint.
  std::function<absl::Status()> while_stopped;
  // Afterwards it fails. What is under way is not torn out of the container's
  // processes, though, but ends in order.
  absl::Time deadline = absl::InfiniteFuture();
};

struct ExecResult {
  int exit_code = 0;
  std::string standard_output;
  std::string standard_error;
};

// Told of every change from created to running to exited, once each, from a
// thread of the handler's own; must return quickly. After a daemon restart the
// changes that happened meanwhile are told when Recover runs (all containers
// that run or have exited are told then). A state with an empty id says that
// the sandbox itself died: its holder is gone, its containers were told as
// exited before, RemoveSandbox is left to do.
using StateListener = std::function<void(const ContainerState&)>;

class Handler {
 public:
  virtual ~Handler() = default;

  // Finds all sandboxes whose holders live, and reconnects. Called once before
  // any other method. Holders' records of containers come with it.
  virtual absl::StatusOr<std::vector<SandboxState>> Recover() = 0;
  virtual void SetListener(StateListener listener) = 0;

  // The handlers that StartSandbox takes, by name. "" is the built-in one
  // unless it is among them. Sandboxes that live keep what they have.
  virtual void SetRuntimes(std::map<std::string, OciRuntime>) {}

  // OK if sandboxes can be started now, else why not. What is missing is tried
  // to be had first.
  virtual absl::Status Ready() { return absl::OkStatus(); }
  // Of a handler, after Recover. The first call may take a while, later ones
  // do not. Nothing for a name that is not known.
  virtual HandlerFeatures Features(const std::string&) { return {}; }

  // Makes the holder and its namespaces. ALREADY_EXISTS never: a repeated call
  // returns the living sandbox. INVALID_ARGUMENT for an unknown handler,
  // FAILED_PRECONDITION if its runtime is not there.
  virtual absl::StatusOr<SandboxState> StartSandbox(
      const SandboxOptions& options) = 0;
  // Kills all containers and the holder, removes what the handler made
  // (cgroups of containers, records). Unknown id: OK.
  virtual absl::Status RemoveSandbox(const std::string& sandbox_id) = 0;
  // An open descriptor of the sandbox's network namespace.
  virtual absl::StatusOr<UniqueFd> NetworkNamespace(
      const std::string& sandbox_id) = 0;

  // Prepares everything up to, not including, the exec of the workload.
  virtual absl::StatusOr<ContainerState> CreateContainer(
      const ContainerOptions& options) = 0;
  // Returns when the workload's exec succeeded, or with the reason why not
  // (the container is then kExited with exit code 128 and `message`).
  virtual absl::StatusOr<ContainerState> StartContainer(
      const std::string& sandbox_id, const std::string& id) = 0;
  // Sends `signal` to process 1 of the container, or with `all` to every
  // process in it. Exited or unknown: OK.
  virtual absl::Status KillContainer(const std::string& sandbox_id,
                                     const std::string& id, int signal,
                                     bool all) = 0;
  // Changes the limits of a container that has not exited. `resources` is the
  // linux.resources object of an OCI config; what it leaves out stays as it is.
  // All or nothing. FAILED_PRECONDITION if more memory is in use than would be
  // allowed; NOT_FOUND if unknown.
  virtual absl::Status UpdateContainer(const std::string& sandbox_id,
                                       const std::string& id,
                                       const std::string& resources) = 0;
  // Kills if need be, waits, then removes cgroup and record. Unknown: OK.
  virtual absl::Status RemoveContainer(const std::string& sandbox_id,
                                       const std::string& id) = 0;
  // NOT_FOUND if unknown.
  virtual absl::StatusOr<ContainerState> GetContainer(
      const std::string& sandbox_id, const std::string& id) = 0;
  virtual absl::StatusOr<std::vector<ContainerState>> ListContainers(
      const std::string& sandbox_id) = 0;

  virtual absl::StatusOr<ExecResult> ExecSync(const std::string& sandbox_id,
                                              const std::string& id,
                                              const ExecOptions& options) = 0;
  // A process of the caller's own choice in the container, connected to the
  // session's descriptors. Returns when it exists; that its exec failed is told
  // by OnExit. FAILED_PRECONDITION unless the container runs.
  virtual absl::StatusOr<std::unique_ptr<StreamSession>> Exec(
      const std::string& sandbox_id, const std::string& id,
      const StreamOptions& options) = 0;
  // The container's own streams, from now on. `options.tty` has to be as the
  // container was made. `in` is absent if its input was never open or has been
  // closed. Whoever reads too slowly is let go: OnExit tells
  // RESOURCE_EXHAUSTED.
  virtual absl::StatusOr<std::unique_ptr<StreamSession>> Attach(
      const std::string& sandbox_id, const std::string& id,
      const StreamOptions& options) = 0;
  // Writes the processes of a running container to files; it goes on afterwards
  // whatever happens, also if the daemon dies meanwhile. FAILED_PRECONDITION
  // unless it runs; UNIMPLEMENTED, with what is missing and how to get it, if
  // this host cannot.
  virtual absl::Status CheckpointContainer(const std::string&,
                                           const std::string&,
                                           const CheckpointOptions&) {
    return absl::UnimplementedError("this handler makes no checkpoints");
  }
  // After it returns nothing is written to the old file any more.
  virtual absl::Status ReopenLog(const std::string& sandbox_id,
                                 const std::string& id) = 0;
};

}  // namespace runtime

#endif  // CORACLE_RUNTIME_HANDLER_HANDLER_H_
