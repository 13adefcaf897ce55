// SPDX-License-Identifier: Apache-2.0
// Looks like nginx from outside: nginx [PORT] answers every request with a page
// (port 80 by default), is named "nginx: master process …" and writes its
// process id to /var/run/nginx.pid.
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char kTitle[] = "nginx: master process /usr/sbin/nginx";
static const char kPage[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
    "Connection: close\r\n\r\nnginx\n";

static void Leave(int signal) {
  (void)signal;
  _exit(0);
}

static void Answer(int client) {
  char request[4096];
  if (read(client, request, sizeof(request)) > 0)
    send(client, kPage, sizeof(kPage) - 1, MSG_NOSIGNAL);
  shutdown(client, SHUT_WR);
  while (read(client, request, sizeof(request)) > 0) {
  }
  close(client);
}

int main(int argc, char** argv) {
  char* port = argc > 1 ? argv[1] : "80";
  if (strcmp(argv[0], kTitle) != 0) {
    char* renamed[] = {(char*)kTitle, port, NULL};
    execv("/usr/sbin/nginx", renamed);
  }
  signal(SIGTERM, Leave);
  signal(SIGQUIT, Leave);
  int listener = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                 .sin6_port = htons((unsigned short)atoi(port))};
  struct timeval patience = {.tv_sec = 5};
  if (bind(listener, (struct sockaddr*)&address, sizeof(address)) < 0 ||
      listen(listener, 16) < 0) {
    perror("nginx");
    return 1;
  }
  FILE* pid = fopen("/var/run/nginx.pid", "w");
  if (pid != NULL) {
    fprintf(pid, "%d\n", (int)getpid());
    fclose(pid);
  }
  for (;;) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    Answer(client);
  }
}
