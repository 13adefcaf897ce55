// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace runtime::hold {
namespace {

// How long to wait for a killed process to be dead.
constexpr int kEndMilliseconds = 1000;
constexpr int kRounds = 20;

struct Process {
  pid_t pid, parent, session;
  char state;
};

bool ReadProcess(int proc, const char* name, Process* process) {
  char path[64];
  snprintf(path, sizeof path, "%.20s/stat", name);
  int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[512];
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return false;
  text[size] = '\0';
  const char* end = strrchr(text, ')');
  int group;
  process->pid = atoi(name);
  return end != nullptr &&
         sscanf(end + 1, " %c %d %d %d", &process->state, &process->parent,
                &group, &process->session) == 4;
}

std::vector<Process> ReadAll() {
  std::vector<Process> all;
  DIR* dir = opendir("/proc");
  if (dir == nullptr) return all;
  while (dirent* entry = readdir(dir)) {
    Process process;
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    if (ReadProcess(dirfd(dir), entry->d_name, &process)) {
      all.push_back(process);
    }
  }
  closedir(dir);
  return all;
}

bool Contains(const std::vector<pid_t>& pids, pid_t pid) {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

// Adds to `tree` what belongs to it in `all`; true if something was added.
bool Extend(const std::vector<Process>& all, pid_t session,
            std::vector<pid_t>* tree) {
  size_t before = tree->size();
  for (const Process& process : all) {
    if (process.state == 'Z' || process.state == 'X') continue;
    // Only a session that the process leads is its own.
    bool ours = process.session == session || Contains(*tree, process.parent);
    if (ours && !Contains(*tree, process.pid)) tree->push_back(process.pid);
  }
  return tree->size() > before;
}

// Stops what belongs to `root` and is not in `tree` yet, until no new one
// appears.
void Stop(pid_t root, std::vector<pid_t>* tree) {
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Process> all = ReadAll();
    size_t known = tree->size();
    while (Extend(all, root, tree)) {
    }
    if (tree->size() == known) return;
    for (size_t i = known; i < tree->size(); ++i) kill((*tree)[i], SIGSTOP);
  }
}

void KillAll(const std::vector<pid_t>& tree) {
  // Stopped parents reap nobody: these pids still mean the same processes.
  std::vector<pollfd> ends;
  for (pid_t pid : tree) {
    int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (fd >= 0) ends.push_back({fd, POLLIN, 0});
    kill(pid, SIGKILL);
  }
  for (pollfd& end : ends) {
    poll(&end, 1, kEndMilliseconds);
    close(end.fd);
  }
}

}  // namespace

void KillProcessTree(pid_t root) {
  std::vector<pid_t> tree = {root};
  kill(root, SIGSTOP);
  Stop(root, &tree);
  // One that was in the middle of a fork stops after it, so its child may come
  // when all have been looked through: it is found by its session, which nobody
  // new can have so soon.
  for (int round = 0; round < kRounds && !tree.empty(); ++round) {
    KillAll(tree);
    tree.clear();
    Stop(root, &tree);
  }
}

}  // namespace runtime::hold
