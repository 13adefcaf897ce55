// SPDX-License-Identifier: Apache-2.0
// What a holder knows and keeps on disk about one container: ContainerRecord is
// its state (changed by the holder, "<id>.rec"), ContainerPlan what it is made
// from (written once by the daemon before creation, "<id>.plan").
#ifndef CORACLE_RUNTIME_STATE_CONTAINER_H_
#define CORACLE_RUNTIME_STATE_CONTAINER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace runtime::state {

enum RecordKind : uint32_t {
  kContainerRecordKind = 1,
  kContainerPlanKind = 2,
  kSandboxRecordKind = 3,
};

enum class Phase : uint32_t { kCreating = 0, kCreated, kRunning, kExited };

struct ContainerRecord {
  std::string id;
  Phase phase = Phase::kCreating;
  int32_t pid = 0;
  int64_t created_ns = 0, started_ns = 0, finished_ns = 0;  // Unix time
  int32_t exit_code = 0;
  bool oom_killed = false;
  std::string message;
  // Steps of the set-up and their nanoseconds.
  std::vector<std::pair<std::string, uint64_t>> phases;
};

// Flags of a plan.
enum PlanFlag : uint32_t {
  kTty = 1,
  kStdinOpen = 2,
  kStdinOnce = 4,
  // The config has no PID namespace of its own and the pod shares one.
  kJoinPodPid = 8,
  // Process 1 of the container is process 1 of a PID namespace: with it the
  // kernel ends all others.
  kOwnPidNamespace = 16,
  // Made by the OCI runtime of the plan.
  kExternal = 32,
};

struct ContainerPlan {
  std::string id;
  uint32_t flags = 0;
  std::string cgroups_path;  // linux.cgroupsPath of the config
  std::string log_path;
  std::string config_json, bundle_dir;
  std::vector<std::string> lower_dirs;
  std::string upper_dir, work_dir, rootfs_dir;
  // The OCI runtime that makes it: path and global options. Empty: we do.
  std::vector<std::string> runtime;
};

// What a new daemon has to know about a sandbox.
struct SandboxRecord {
  std::string id;
  std::string cgroup_parent;
  std::string shm_dir;
  // The parent was not there before: it goes with the sandbox, if empty.
  bool owns_cgroup_parent = false;
  // Of its containers, see ContainerPlan.
  std::vector<std::string> runtime;
  // The systemd slice that cgroup_parent is; its containers are in a scope of
  // the sandbox's own there. "": cgroups without systemd.
  std::string slice;
};

std::string Encode(const ContainerRecord& record);
std::string Encode(const ContainerPlan& plan);
std::string Encode(const SandboxRecord& record);
// False if `data` is not what Encode wrote. Later versions may append fields.
bool Decode(absl::string_view data, ContainerRecord* record);
bool Decode(absl::string_view data, ContainerPlan* plan);
bool Decode(absl::string_view data, SandboxRecord* record);

// Whether `id` may name a sandbox or container and so a file:
// [a-zA-Z0-9_+-][a-zA-Z0-9_+.-]*, at most 200 characters.
bool IsValidId(absl::string_view id);

}  // namespace runtime::state

#endif  // CORACLE_RUNTIME_STATE_CONTAINER_H_
