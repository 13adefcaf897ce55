// SPDX-License-Identifier: Apache-2.0
#include "agent/node/healthz.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

constexpr size_t kMaxRequest = 4096;

absl::StatusOr<runtime::UniqueFd> Bind(const std::string& address, int port) {
  const std::string where = absl::StrCat("healthz ", address, ":", port);
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), absl::StrCat(port).c_str(), &hints,
                  &found) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": no IP address"));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found,
                                                             freeaddrinfo);
  runtime::UniqueFd fd(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd.ok()) return runtime::ErrnoStatus(where);
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      listen(fd.get(), 16) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("listen on ", where));
  }
  return fd;
}

int PortOf(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

// Up to the empty line that ends the request's head; "" if it never came.
std::string ReadHead(int fd) {
  std::string head;
  char part[1024];
  while (head.size() < kMaxRequest) {
    const ssize_t got = recv(fd, part, sizeof part, 0);
    if (got <= 0) return "";
    head.append(part, static_cast<size_t>(got));
    if (absl::StrContains(head, "\r\n\r\n")) return head;
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Healthz>> Healthz::Listen(
    const std::string& address, int port, Check check) {
  std::unique_ptr<Healthz> self(new Healthz());
  ASSIGN_OR_RETURN(self->listener_, Bind(address, port));
  self->wake_.reset(eventfd(0, EFD_CLOEXEC));
  if (!self->wake_.ok()) return runtime::ErrnoStatus("eventfd");
  self->port_ = PortOf(self->listener_.get());
  self->check_ = std::move(check);
  self->thread_ = std::thread([raw = self.get()] { raw->Serve(); });
  return self;
}

Healthz::~Healthz() {
  if (!thread_.joinable()) return;
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

void Healthz::Serve() {
  pthread_setname_np(pthread_self(), "healthz");
  while (true) {
    pollfd fds[] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    if (fds[0].revents == 0) continue;
    const runtime::UniqueFd fd(
        accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.ok()) Answer(fd.get());
  }
}

void Healthz::Answer(int fd) {
  const timeval limit = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const std::string head = ReadHead(fd);
  if (head.empty()) return;
  std::string code = "404 Not Found", body = "404 page not found\n";
  if (absl::StartsWith(head, "GET /healthz ") ||
      absl::StartsWith(head, "GET /healthz?")) {
    const absl::Status status = check_();
    code = status.ok() ? "200 OK" : "500 Internal Server Error";
    body = status.ok() ? "ok" : std::string(status.message());
  }
  const std::string answer = absl::StrCat(
      "HTTP/1.1 ", code,
      "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ",
      body.size(), "\r\nConnection: close\r\n\r\n", body);
  send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
}

}  // namespace agent::node
