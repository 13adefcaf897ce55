// SPDX-License-Identifier: Apache-2.0
#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace tests {

// One accepted socket, plain or TLS.
struct HttpServer::Connection {
  int fd;
  SSL* ssl = nullptr;

  int Read(char* data, int size) const {
    return ssl ? SSL_read(ssl, data, size)
               : static_cast<int>(recv(fd, data, size, 0));
  }
  bool Write(const std::string& text) const {
    size_t done = 0;
    while (done < text.size()) {
      const int left = static_cast<int>(text.size() - done);
      const int sent = ssl ? SSL_write(ssl, text.data() + done, left)
                           : static_cast<int>(send(fd, text.data() + done, left,
                                                   MSG_NOSIGNAL));
      if (sent <= 0) return false;
      done += sent;
    }
    return true;
  }
  ~Connection() {
    if (ssl) SSL_free(ssl);
  }
};

namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), ::tolower);
  return text;
}

HttpRequest ParseHead(const std::string& head) {
  HttpRequest request;
  size_t begin = head.find("\r\n");
  const std::string line = head.substr(0, begin);
  const size_t first = line.find(' '), second = line.find(' ', first + 1);
  request.method = line.substr(0, first);
  request.path = line.substr(first + 1, second - first - 1);
  if (const size_t mark = request.path.find('?'); mark != std::string::npos) {
    request.query = request.path.substr(mark + 1);
    request.path.resize(mark);
  }
  while (begin + 2 < head.size()) {
    const size_t end = head.find("\r\n", begin + 2);
    const std::string header = head.substr(begin + 2, end - begin - 2);
    if (const size_t colon = header.find(':'); colon != std::string::npos) {
      request.headers[Lower(header.substr(0, colon))] =
          header.substr(header.find_first_not_of(' ', colon + 1));
    }
    begin = end;
  }
  return request;
}

std::string Hex(size_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "%zx", value);
  return text;
}

}  // namespace

HttpServer::HttpServer(Handler handler, const std::string& cert_pem,
                       const std::string& key_pem)
    : handler_(std::move(handler)) {
  if (!cert_pem.empty()) {
    tls_ = SSL_CTX_new(TLS_server_method());
    BIO* cert_bio = BIO_new_mem_buf(cert_pem.data(), cert_pem.size());
    BIO* key_bio = BIO_new_mem_buf(key_pem.data(), key_pem.size());
    X509* cert = PEM_read_bio_X509(cert_bio, nullptr, nullptr, nullptr);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(key_bio, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(tls_, cert);
    SSL_CTX_use_PrivateKey(tls_, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(cert_bio);
    BIO_free(key_bio);
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0) {
    std::abort();
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    std::lock_guard lock(mutex_);
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
  if (tls_) SSL_CTX_free(tls_);
}

std::string HttpServer::endpoint() const {
  return "127.0.0.1:" + std::to_string(port_);
}
std::string HttpServer::url() const {
  return (tls_ ? "https://" : "http://") + endpoint();
}

std::vector<HttpRequest> HttpServer::requests() {
  std::lock_guard lock(mutex_);
  return requests_;
}

void HttpServer::Accept() {
  while (!stopping_) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void HttpServer::Serve(int fd) {
  Connection connection{fd};
  bool good = true;
  if (tls_) {
    connection.ssl = SSL_new(tls_);
    SSL_set_fd(connection.ssl, fd);
    good = SSL_accept(connection.ssl) == 1;
  }
  std::string buffer;
  char part[16384];
  const auto more = [&] {
    const int got = connection.Read(part, sizeof part);
    if (got > 0) buffer.append(part, got);
    return got > 0;
  };
  while (good) {
    size_t end;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) break;
    }
    if (end == std::string::npos) break;
    HttpRequest request = ParseHead(buffer.substr(0, end + 2));
    buffer.erase(0, end + 4);
    const size_t length =
        std::atoi(request.headers.count("content-length")
                      ? request.headers["content-length"].c_str()
                      : "0");
    while (buffer.size() < length && more()) {
    }
    request.body = buffer.substr(0, length);
    buffer.erase(0, length);
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const HttpResponse response = handler_(request);
    std::string head = "HTTP/1.1 " + std::to_string(response.code) + " X\r\n";
    for (const auto& [name, value] : response.headers) {
      head += name + ": " + value + "\r\n";
    }
    if (response.stream) {
      good = connection.Write(head + "Transfer-Encoding: chunked\r\n\r\n");
      response.stream([&](const std::string& text) {
        good =
            good && connection.Write(Hex(text.size()) + "\r\n" + text + "\r\n");
        return good;
      });
      good = good && connection.Write("0\r\n\r\n");
    } else {
      good = connection.Write(
          head + "Content-Length: " + std::to_string(response.body.size()) +
          "\r\n\r\n" + response.body);
    }
  }
  std::lock_guard lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), fd));
  close(fd);
}

}  // namespace tests
