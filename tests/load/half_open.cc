// SPDX-License-Identifier: Apache-2.0
// Streaming sessions that begin and go no further:
//   cri_half_open SOCKET POD CONTAINER COUNT
// opens COUNT of them, of every kind, says "open", and is to be ended.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/load/client.h"

namespace tests::load {
namespace {

constexpr char kSpdy[] =
    "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ";
constexpr char kWebSocket[] =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ";
// A container has at most 64 clients.
constexpr int kAttached = 60;

[[noreturn]] void Die(const std::string& what) {
  fprintf(stderr, "cri_half_open: %s\n", what.c_str());
  exit(1);
}

// Connects to the host of "http://HOST:PORT/PATH", sends `text` and returns the
// socket, which stays open.
int Send(const std::string& url, const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(url, '/');
  const std::vector<std::string> host = absl::StrSplit(parts.at(2), ':');
  int port = 0;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (!absl::SimpleAtoi(host.back(), &port) ||
      inet_pton(AF_INET, host.front().c_str(), &address.sin_addr) != 1) {
    Die("no IPv4 URL: " + url);
  }
  address.sin_port = htons(static_cast<uint16_t>(port));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      send(fd, text.data(), text.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(text.size())) {
    Die("cannot reach " + url);
  }
  return fd;
}

void Upgrade(const std::string& url, const std::string& headers) {
  const size_t path = url.find('/', url.find("://") + 3);
  const int fd =
      Send(url, absl::StrCat("GET ", url.substr(path),
                             " HTTP/1.1\r\nHost: h\r\n", headers, "\r\n\r\n"));
  char answer[12];
  if (recv(fd, answer, sizeof answer, MSG_WAITALL) != sizeof answer ||
      std::string(answer, sizeof answer) != "HTTP/1.1 101") {
    Die("not upgraded: " + url);
  }
}

void Check(const grpc::Status& status) {
  if (!status.ok()) Fail("a streaming URL", status);
}

void Open(Client& client, const std::string& pod, const std::string& container,
          int count) {
  std::string url, unused;
  Check(client.ForwardUrl(pod, &unused));
  for (int i = 0; i < count; ++i) {
    if (i < kAttached) {  // all is there, but the client does not read
      Check(client.AttachUrl(container, &url));
      Upgrade(url, absl::StrCat(kWebSocket, "v5.channel.k8s.io"));
    } else if (i % 4 == 0) {  // a request that does not end
      Send(unused, "GET /exec/");
    } else if (i % 4 == 1) {  // streams that do not come
      Check(client.ExecUrl(container, &url));
      Upgrade(url, absl::StrCat(kSpdy, "v4.channel.k8s.io"));
    } else {
      Check(client.ForwardUrl(pod, &url));
      Upgrade(url, i % 4 == 2 ? absl::StrCat(kSpdy, "portforward.k8s.io")
                              : absl::StrCat(kWebSocket,
                                             "SPDY/3.1+portforward.k8s.io"));
    }
  }
}

}  // namespace
}  // namespace tests::load

int main(int argc, char** argv) {
  int count = 0;
  if (argc != 5 || !absl::SimpleAtoi(argv[4], &count)) {
    fprintf(stderr, "usage: cri_half_open SOCKET POD CONTAINER COUNT\n");
    return 2;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  {
    tests::load::Client client(argv[1], "");
    tests::load::Open(client, argv[2], argv[3], count);
  }
  puts("open");
  fflush(stdout);
  pause();
}
