// SPDX-License-Identifier: Apache-2.0
// The border between who keeps a container (the per-pod holder, or the OCI
// command line) and what makes it: a transient set-up process that parses the
// config, prepares cgroups and mounts and clones the container's init with
// CLONE_PARENT, so that init is a child of whoever forked the set-up process.
//
// RunSetup runs in a fresh fork and never returns. All memory it needs dies
// with it: that keeps an idle holder small.
#ifndef CORACLE_RUNTIME_LAUNCH_CONTAINER_H_
#define CORACLE_RUNTIME_LAUNCH_CONTAINER_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/layout.h"
#include "runtime/launch/report_child.h"
#include "runtime/path/proc.h"
#include "runtime/spec/spec.h"

namespace runtime::launch {

struct SetupRequest {
  std::string id;
  std::string config_json;  // OCI runtime-spec config.json
  std::string bundle_dir;   // relative paths of the config start here
  // Overlay root (see runtime::ContainerOptions); without lower_dirs the
  // config's root.path (or rootfs_dir if set) is the prepared root.
  std::vector<std::string> lower_dirs;
  std::string upper_dir, work_dir, rootfs_dir;
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;  // -1 = /dev/null
  int report_fd = -1;
  // init blocks in read(2) of one byte here before it execs; end of file means
  // that the keeper is gone: exit.
  int start_fd = -1;
  // PID namespace to join instead of a new one (shared by the pod), or -1.
  int pid_namespace_fd = -1;
  // The pod's user namespace, which owns its other ones, or -1. The config's
  // mappings say what it maps.
  int user_namespace_fd = -1;
  // A mount namespace with an empty root, or -1 (see CanStartEmpty): where the
  // container's starts from, if nothing of the host's tree is needed in it,
  // instead of a copy of that with the mounts of all pods.
  int empty_root_fd = -1;
  // Fail before kCreated if the command cannot be found. For the OCI command
  // line, whose `create` is the last one to hear of it; a holder leaves it out
  // and gets the same error at start.
  bool verify_command = false;
  // The runtime's own directory for compiled seccomp programs; "" = none.
  std::string seccomp_cache_dir;
};

// Whether set-ups may start from an empty root: the devices of every container
// can be made, and need not be bound from the host's, and a procfs may be
// mounted where none is seen. Makes and removes devices in `directory_fd`.
bool CanStartEmpty(int directory_fd);

[[noreturn]] void RunSetup(const SetupRequest& request);

// The keeper's own namespaces, as far as the container has others, each with
// its CLONE_NEW… type; but user and cgroup, which the new process enters.
using OwnNamespaces = std::vector<std::pair<UniqueFd, int>>;

// A running container as further processes find it. Found once and kept while
// it runs.
struct ExecTarget {
  pid_t init_pid = 0;
  UniqueFd process;             // pidfd of its init
  OwnNamespaces own;            // the keeper's
  UniqueFd cgroup_namespace;    // its own, or none
  bool user_namespace = false;  // has its own
  path::Proc proc;              // the host's
  cgroup::Cgroup cgroup;
  UniqueFd freezer;             // Cgroup::OpenFreezer
  UniqueFd unified;             // its v2 cgroup, if the host has v2
  std::vector<UniqueFd> doors;  // of its v1 cgroups (Cgroup::OpenDoors)
};

// `cgroups_path` is that of the container's config or record. In the keeper's
// own process.
absl::StatusOr<ExecTarget> FindExecTarget(pid_t init_pid,
                                          const std::string& cgroups_path,
                                          const cgroup::Layout& layout);

struct ExecRequest {
  const ExecTarget* target = nullptr;
  const spec::Config* config = nullptr;  // its own (defaults for the process)
  // OCI process object: args, and of env, cwd, user, … what differs.
  std::string process_json;
  std::string seccomp_cache_dir;  // as in SetupRequest
  // What the process has if neither its object nor the config says; unset: the
  // keeper's own.
  std::optional<int> oom_score_adj;
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;
  int report_fd = -1;
};

struct ExecStarted {
  pid_t pid = 0;
  bool terminal = false;  // its master comes with kCreated
};

// Runs in the keeper's own process, whose child the new one is; waits for
// nobody. What fails later, in that child, is told on report_fd as above;
// without a terminal there is no kCreated, and there is no start byte. The
// keeper has one thread.
absl::StatusOr<ExecStarted> StartExec(const ExecRequest& request);

// What containers can have on this host, found out by trying; bits.
enum Feature : uint32_t {
  kUserNamespaces = 1,     // with ID-mapped layers and volumes
  kRecursiveReadOnly = 2,  // of mounts
};
// Runs in a fresh fork, which it changes. `directory` is on the filesystem that
// holds containers' files. *why says what user namespaces lack.
uint32_t ProbeFeatures(const std::string& directory, std::string* why);

// Finds out about the kernel what set-ups have to know; in whatever this
// process forks they need not again.
void LearnKernel();

// Removes the cgroups of a container whose processes are gone (kills what is
// left first), by its config's linux.cgroupsPath. Missing: fine. Returns 0 or
// an errno. Runs in the caller's process; small, no heap beyond the path.
int RemoveCgroups(const std::string& cgroups_path);
// Sends `signal` to every process in the container's cgroups (cgroup.kill for
// SIGKILL where the kernel has it). Returns 0 or an errno.
int KillCgroup(const std::string& cgroups_path, int signal);
// OOM kills counted in the container's memory cgroup (v1 memory.oom_control, v2
// memory.events), or -1.
int64_t OomKills(const std::string& cgroups_path);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_CONTAINER_H_
