// SPDX-License-Identifier: Apache-2.0
// What a Handler is told of sandboxes and containers, and what it tells: plain
// data.
#ifndef CORACLE_RUNTIME_HANDLER_TYPES_H_
#define CORACLE_RUNTIME_HANDLER_TYPES_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
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
  // Only from Recover: the holder lives, or may, but did not answer in time. Of
  // the rest only `id` is told.
  bool silent = false;
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
  // Bytes that a log file may have before the holder itself begins another and
  // keeps two of the old ones; 0: only ReopenLog makes another.
  uint64_t log_cap = 0;
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
  // Borrowed. Readable when nobody waits for the result any more: then as at
  // the limit, but CANCELLED. -1 = somebody always does.
  int cancelled_fd = -1;
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

}  // namespace runtime

#endif  // CORACLE_RUNTIME_HANDLER_TYPES_H_
