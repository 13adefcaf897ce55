// SPDX-License-Identifier: Apache-2.0
#include "agent/node/plain_http.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::node {
namespace {

using runtime::UniqueFd;

constexpr size_t kMaxRequest = 4096;
constexpr size_t kMaxAnswer = 64 << 20;

absl::StatusOr<UniqueFd> BindTcp(const std::string& address, int port) {
  const std::string where = absl::StrCat(address, ":", port);
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), absl::StrCat(port).c_str(), &hints,
                  &found) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address, "\" is no IP address"));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found,
                                                             freeaddrinfo);
  UniqueFd fd(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd.ok()) return runtime::ErrnoStatus("socket");
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      listen(fd.get(), 16) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("listen on ", where));
  }
  return fd;
}

absl::StatusOr<sockaddr_un> UnixAddress(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": longer than a socket's name can be"));
  }
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int PortOf(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

void LimitTime(int fd, int seconds) {
  const timeval limit = {seconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
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

bool SendAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

const char* Phrase(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<PlainHttp>> PlainHttp::Serving(UniqueFd listener,
                                                              Handler handler) {
  std::unique_ptr<PlainHttp> self(new PlainHttp());
  self->listener_ = std::move(listener);
  self->handler_ = std::move(handler);
  self->wake_.reset(eventfd(0, EFD_CLOEXEC));
  if (!self->wake_.ok()) return runtime::ErrnoStatus("eventfd");
  self->thread_ = std::thread([raw = self.get()] { raw->Serve(); });
  return self;
}

absl::StatusOr<std::unique_ptr<PlainHttp>> PlainHttp::ListenTcp(
    const std::string& address, int port, Handler handler) {
  ASSIGN_OR_RETURN(UniqueFd fd, BindTcp(address, port));
  const int bound = PortOf(fd.get());
  ASSIGN_OR_RETURN(auto self, Serving(std::move(fd), std::move(handler)));
  self->port_ = bound;
  return self;
}

absl::StatusOr<std::unique_ptr<PlainHttp>> PlainHttp::ListenUnix(
    const std::string& path, Handler handler) {
  ASSIGN_OR_RETURN(const sockaddr_un address, UnixAddress(path));
  RETURN_IF_ERROR(runtime::MakeDirs(path.substr(0, path.rfind('/'))));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return runtime::ErrnoStatus("socket");
  unlink(path.c_str());
  // fchmod before bind is what keeps the socket from ever being open to others.
  fchmod(fd.get(), 0600);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof address) != 0 ||
      listen(fd.get(), 16) != 0) {
    return runtime::ErrnoStatus(absl::StrCat("listen on ", path));
  }
  ASSIGN_OR_RETURN(auto self, Serving(std::move(fd), std::move(handler)));
  self->unix_path_ = path;
  return self;
}

PlainHttp::~PlainHttp() {
  if (!thread_.joinable()) return;
  eventfd_write(wake_.get(), 1);
  thread_.join();
  if (!unix_path_.empty()) unlink(unix_path_.c_str());
}

void PlainHttp::Serve() {
  pthread_setname_np(pthread_self(), "plain-http");
  while (true) {
    pollfd fds[] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    if (fds[0].revents == 0) continue;
    const UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.ok()) Answer(fd.get());
  }
}

void PlainHttp::Answer(int fd) {
  LimitTime(fd, 1);
  const std::string head = ReadHead(fd);
  if (head.empty()) return;
  Reply reply = {405, "method not allowed\n"};
  if (absl::StartsWith(head, "GET ")) {
    reply = handler_(head.substr(4, head.find_first_of(" ?\r", 4) - 4));
  }
  SendAll(fd, absl::StrCat("HTTP/1.1 ", reply.code, " ", Phrase(reply.code),
                           "\r\nContent-Type: text/plain; charset=utf-8"
                           "\r\nContent-Length: ",
                           reply.body.size(), "\r\nConnection: close\r\n\r\n",
                           reply.body));
}

absl::StatusOr<std::string> GetOverUnix(const std::string& socket_path,
                                        const std::string& path) {
  ASSIGN_OR_RETURN(const sockaddr_un address, UnixAddress(socket_path));
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return runtime::ErrnoStatus("socket");
  LimitTime(fd.get(), 10);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof address) != 0) {
    return absl::UnavailableError(
        absl::StrCat("connect ", socket_path, ": ", strerror(errno)));
  }
  if (!SendAll(fd.get(), absl::StrCat("GET ", path, " HTTP/1.1\r\n\r\n"))) {
    return runtime::ErrnoStatus(absl::StrCat("send ", socket_path));
  }
  ASSIGN_OR_RETURN(const std::string answer,
                   runtime::ReadFd(fd.get(), socket_path, kMaxAnswer));
  const size_t head = answer.find("\r\n\r\n");
  if (!absl::StartsWith(answer, "HTTP/1.1 200 ") || head == std::string::npos) {
    return absl::UnavailableError(
        absl::StrCat(socket_path, ": ", answer.substr(0, answer.find('\r'))));
  }
  return answer.substr(head + 4);
}

}  // namespace agent::node
