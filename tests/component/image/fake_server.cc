// SPDX-License-Identifier: Apache-2.0
#include "tests/component/image/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace cri::image {
namespace {

// False at the end of the connection.
bool ReadRequest(int fd, std::string* buffer, FakeServer::Request* request) {
  size_t end;
  char piece[4096];
  while ((end = buffer->find("\r\n\r\n")) == std::string::npos) {
    ssize_t size = recv(fd, piece, sizeof piece, 0);
    if (size <= 0) return false;
    buffer->append(piece, static_cast<size_t>(size));
  }
  std::vector<std::string> lines =
      absl::StrSplit(buffer->substr(0, end), "\r\n");
  buffer->erase(0, end + 4);
  std::vector<std::string> words = absl::StrSplit(lines[0], ' ');
  request->method = words[0];
  request->target = words.size() > 1 ? words[1] : "";
  for (size_t i = 1; i < lines.size(); ++i) {
    std::pair<std::string, std::string> field =
        absl::StrSplit(lines[i], absl::MaxSplits(':', 1));
    request->headers[absl::AsciiStrToLower(field.first)] =
        std::string(absl::StripAsciiWhitespace(field.second));
  }
  size_t length = 0;
  auto announced = request->headers.find("content-length");
  if (announced != request->headers.end()) {
    (void)absl::SimpleAtoi(announced->second, &length);
  }
  while (buffer->size() < length) {
    ssize_t size = recv(fd, piece, sizeof piece, 0);
    if (size <= 0) return false;
    buffer->append(piece, static_cast<size_t>(size));
  }
  request->body = buffer->substr(0, length);
  buffer->erase(0, length);
  return true;
}

bool SendAll(int fd, const std::string& data) {
  size_t done = 0;
  while (done < data.size()) {
    ssize_t size =
        send(fd, data.data() + done, data.size() - done, MSG_NOSIGNAL);
    if (size <= 0) return false;
    done += static_cast<size_t>(size);
  }
  return true;
}

}  // namespace

FakeServer::FakeServer(Handler handler)
    : handler_(std::move(handler)),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size),
            0);
  EXPECT_EQ(listen(listener_.get(), 16), 0);
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FakeServer::~FakeServer() {
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  std::vector<std::thread> threads;
  {
    absl::MutexLock lock(&mutex_);
    for (int fd : open_) shutdown(fd, SHUT_RDWR);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

std::string FakeServer::host() const {
  return absl::StrCat("127.0.0.1:", port_);
}

std::vector<FakeServer::Request> FakeServer::requests() {
  absl::MutexLock lock(&mutex_);
  return requests_;
}

void FakeServer::Accept() {
  while (true) {
    int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    absl::MutexLock lock(&mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void FakeServer::Serve(int fd) {
  std::string buffer;
  Request request;
  while (ReadRequest(fd, &buffer, &request)) {
    {
      absl::MutexLock lock(&mutex_);
      requests_.push_back(request);
    }
    Response response = handler_(request);
    size_t length = std::max(response.announced, response.body.size());
    std::string head = absl::StrCat("HTTP/1.1 ", response.status, " X\r\n");
    for (const std::string& header : response.headers) {
      absl::StrAppend(&head, header, "\r\n");
    }
    absl::StrAppend(&head, "Content-Length: ", length, "\r\n\r\n");
    if (!SendAll(fd, head)) break;
    if (request.method != "HEAD" && !SendAll(fd, response.body)) break;
    if (length > response.body.size() && request.method != "HEAD") break;
    request = Request();
  }
  absl::MutexLock lock(&mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), fd));
  close(fd);
}

}  // namespace cri::image
