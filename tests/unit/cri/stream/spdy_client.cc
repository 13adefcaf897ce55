// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cri/stream/spdy_client.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::stream {

RawClient::RawClient(int port)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address),
                    sizeof address),
            0);
  const timeval patience{.tv_sec = 60, .tv_usec = 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

void RawClient::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;  // what the server does not want shows in its answer
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

std::string RawClient::Read() {
  if (!ahead_.empty()) return std::exchange(ahead_, "");
  std::string bytes(64 << 10, '\0');
  const ssize_t n = recv(fd_.get(), bytes.data(), bytes.size(), 0);
  EXPECT_FALSE(n < 0 && errno == EAGAIN) << "the server says nothing";
  bytes.erase(n > 0 ? static_cast<size_t>(n) : 0);
  return bytes;
}

std::string RawClient::ReadHead() {
  std::string all;
  while (true) {
    const size_t end = all.find("\r\n\r\n");
    if (end != std::string::npos) {
      ahead_ = all.substr(end + 4);
      all.erase(end + 4);
      return all;
    }
    const std::string more = Read();
    if (more.empty()) return all;
    all += more;
  }
}

std::string RawClient::ReadToEnd() {
  std::string all;
  for (std::string more = Read(); !more.empty(); more = Read()) all += more;
  return all;
}

SpdyClient::SpdyClient(int port, const std::string& path,
                       const std::string& protocol)
    : raw_(port), reader_(this) {
  raw_.Write(absl::StrCat("POST ", path,
                          " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                          "Upgrade: SPDY/3.1\r\n"
                          "X-Stream-Protocol-Version: ",
                          protocol, "\r\n\r\n"));
  head_ = raw_.ReadHead();
}

template <typename Condition>
void SpdyClient::ReadUntil(Condition condition) {
  while (!ended_ && !condition()) {
    const std::string bytes = raw_.Read();
    ended_ = bytes.empty();
    EXPECT_OK(reader_.Feed(bytes));
  }
}

uint32_t SpdyClient::Open(const Headers& headers, bool fin) {
  const uint32_t stream = std::exchange(next_, next_ + 2);
  raw_.Write(SynStreamFrame(stream, fin, headers_.Write(headers)));
  return stream;
}

void SpdyClient::Send(uint32_t stream, absl::string_view data, bool fin) {
  raw_.Write(absl::StrCat(DataHeader(stream, fin, data.size()), data));
}

void SpdyClient::AwaitData(uint32_t stream, size_t size) {
  ReadUntil([&] { return data_[stream].size() >= size; });
  EXPECT_GE(data_[stream].size(), size);
}

void SpdyClient::AwaitFin(uint32_t stream) {
  ReadUntil([&] { return HasFin(stream); });
  EXPECT_TRUE(HasFin(stream)) << "stream " << stream;
}

void SpdyClient::AwaitReset(uint32_t stream) {
  ReadUntil([&] { return WasReset(stream); });
  EXPECT_TRUE(WasReset(stream)) << "stream " << stream;
}

void SpdyClient::AwaitPing(uint32_t id) {
  ReadUntil([&] { return pings_.count(id) > 0; });
  EXPECT_EQ(pings_.count(id), 1u);
}

void SpdyClient::AwaitEnd() {
  ReadUntil([] { return false; });
}

}  // namespace cri::stream
