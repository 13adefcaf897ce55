// SPDX-License-Identifier: Apache-2.0
// The pause image's one program: waits for a signal, reaps what is left to it.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void Leave(int signal) {
  (void)signal;
  _exit(0);
}

static void Reap(int signal) {
  (void)signal;
  while (waitpid(-1, 0, WNOHANG) > 0) {
  }
}

int main(void) {
  signal(SIGINT, Leave);
  signal(SIGTERM, Leave);
  signal(SIGCHLD, Reap);
  for (;;) pause();
}
