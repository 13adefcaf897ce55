// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server in a test's own process, plain or over TLS: one
// thread per connection, keep-alive, bodies by Content-Length. For clients that
// are under test; not for the network.
#ifndef CORACLE_TESTS_SUPPORT_HTTP_SERVER_H_
#define CORACLE_TESTS_SUPPORT_HTTP_SERVER_H_

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tests {

struct HttpRequest {
  std::string method, path, query, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

struct HttpResponse {
  int code = 200;
  std::string body;
  std::map<std::string, std::string> headers;
  // If set, the body is what this writes part by part (chunked); `write`
  // returns false once the client is gone.
  std::function<void(const std::function<bool(const std::string&)>& write)>
      stream;
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // With `cert_pem` and `key_pem` it speaks TLS.
  explicit HttpServer(Handler handler, const std::string& cert_pem = "",
                      const std::string& key_pem = "");
  ~HttpServer();

  int port() const { return port_; }
  std::string endpoint() const;  // "127.0.0.1:<port>"
  std::string url() const;       // "http(s)://127.0.0.1:<port>"
  int connections() const { return connections_; }
  std::vector<HttpRequest> requests();

 private:
  struct Connection;
  void Accept();
  void Serve(int fd);

  const Handler handler_;
  SSL_CTX* tls_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::vector<HttpRequest> requests_;
  std::thread acceptor_;
};

}  // namespace tests

#endif  // CORACLE_TESTS_SUPPORT_HTTP_SERVER_H_
