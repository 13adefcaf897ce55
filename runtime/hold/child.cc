// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace runtime::hold {
namespace {

// Start and end of the argument strings and end of the environment of this
// process (fields 48, 49 and 51 of stat), which the kernel shows as its
// command line. PR_SET_MM would need CAP_SYS_RESOURCE.
bool TitleArea(char** start, char** arg_end, char** end) {
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[1024];
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return false;
  text[size] = '\0';
  char* at = strrchr(text, ')');
  if (at == nullptr) return false;
  unsigned long long value[52] = {};
  for (int field = 2; field < 51 && at != nullptr; ++field) {
    at = strchr(at + 1, ' ');
    if (at != nullptr) value[field + 1] = strtoull(at + 1, nullptr, 10);
  }
  *start = reinterpret_cast<char*>(value[48]);
  *arg_end = reinterpret_cast<char*>(value[49]);
  *end = reinterpret_cast<char*>(value[51]);
  return value[48] != 0 && value[49] > value[48];
}

}  // namespace

void ResetChild() {
  signal(SIGPIPE, SIG_DFL);
  signal(SIGCHLD, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  SetOomScore(0);  // raising is always allowed
}

void SetTitle(const char* comm, const char* title) {
  prctl(PR_SET_NAME, comm);
  char *start, *arg_end, *end;
  if (!TitleArea(&start, &arg_end, &end)) return;
  // Past the arguments the kernel goes on into the environment if the last
  // argument byte is not NUL; so both areas serve.
  size_t room = static_cast<size_t>((end > arg_end ? end : arg_end) - start);
  size_t size = std::min(strlen(title), room - 1);
  clearenv();
  memset(start, 0, std::max<size_t>(size + 1, arg_end - start));
  std::copy_n(title, size, start);
}

int SetOomScore(int value) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  char text[16];
  int size = snprintf(text, sizeof text, "%d", value);
  int error = write(fd, text, static_cast<size_t>(size)) < 0 ? errno : 0;
  close(fd);
  return error;
}

}  // namespace runtime::hold
