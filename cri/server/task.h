// SPDX-License-Identifier: Apache-2.0
// Where a thread is in the kernel, from procfs.
#ifndef CORACLE_CRI_SERVER_TASK_H_
#define CORACLE_CRI_SERVER_TASK_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace cri::server {

struct Task {
  pid_t process = 0;
  std::string command;      // its name, as ps shows it in brackets
  std::string system_call;  // "openat"; "" if it runs or cannot be asked
  std::string waits_in;     // the kernel's function, "fifo_open"; "" as above
};

// Of a thread of `process`. All fields but `process` are empty if it is gone.
Task ReadTask(pid_t process, pid_t thread);

// Children of `process`, and theirs, that run the same program as it: what a
// holder forked to set up a container, not the container.
std::vector<pid_t> HelpersOf(pid_t process);

// "process 17 (bridge) in openat, fifo_open".
std::string Describe(const Task& task);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_TASK_H_
