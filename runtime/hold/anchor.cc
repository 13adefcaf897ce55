// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/anchor.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/hold/child.h"

namespace runtime::hold {

pid_t StartAnchor() {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid < 0 ? -errno : pid;
  // What protects the holder from the OOM killer protects its child too.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it ended before that
  SetTitle("anchor", "coracle-oci anchor");
  prctl(PR_SET_DUMPABLE, 0);
  // Ends of pipes and sockets in here would outlive the holder's own.
  close_range(0, ~0u, 0);
  while (true) pause();
}

}  // namespace runtime::hold
