// SPDX-License-Identifier: Apache-2.0
// The last steps of a process before it execs: who it is and what it may do.
// Runs in the new process, for init and exec alike; system calls on prepared
// data, in the order that the kernel's rules demand.
#ifndef CORACLE_RUNTIME_LAUNCH_IDENTITY_H_
#define CORACLE_RUNTIME_LAUNCH_IDENTITY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/lsm/lsm.h"
#include "runtime/path/proc.h"
#include "runtime/seccomp/filter.h"
#include "runtime/spec/spec.h"

namespace runtime::launch {

struct Identity {
  spec::Process process;
  lsm::Labels labels;
  bool has_seccomp = false;
  seccomp::Program seccomp;
  std::vector<char*> argv, envp;  // point into `process`
};

// Normal world: compiles and lays out everything.
absl::StatusOr<Identity> PrepareIdentity(const spec::Process& process,
                                         const spec::Config& config,
                                         const std::string& seccomp_cache_dir);

// Adds HOME from the root's own /etc/passwd ("/" if the user is not there) when
// the config has none. Call inside the container's root.
void AddHome(Identity* identity);

// Default signal handlers, empty mask.
void ResetSignals();
// 0–2 become the three descriptors (-1: /dev/null, opened here).
absl::Status SetStdio(int in, int out, int err);
absl::Status SetTerminal(int slave_fd, const spec::Process& process);
// A pipe, socket or terminal (but /dev/null) becomes the user's own.
void GiveStream(int fd, uid_t uid);
// Joins a new session keyring; with a label it is the label's. Kernels without
// keys have nothing to share.
absl::Status JoinKeyring(const Identity& identity, const path::Proc& proc);
// Limits above what this process may set are cut to it.
absl::Status SetRlimits(const std::vector<spec::Rlimit>& limits);
// From here on the process is the container's user with its capabilities and
// working directory.
absl::Status Become(const Identity& identity);
// The file that argv[0] names, by PATH of the container's environment.
absl::StatusOr<std::string> FindCommand(const spec::Process& process);
// "exec /nope: No such file or directory".
std::string ExecError(const std::string& path, int error);
// Execs; returns only if that failed, with errno and *path set.
int Exec(const Identity& identity, std::string* path);

}  // namespace runtime::launch

#endif  // CORACLE_RUNTIME_LAUNCH_IDENTITY_H_
