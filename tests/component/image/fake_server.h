// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server on loopback whose answers a test decides: for what a real
// registry does only on bad days.
#ifndef CORACLE_TESTS_COMPONENT_IMAGE_FAKE_SERVER_H_
#define CORACLE_TESTS_COMPONENT_IMAGE_FAKE_SERVER_H_

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/unique_fd.h"

namespace cri::image {

class FakeServer {
 public:
  struct Request {
    std::string method, target, body;
    std::map<std::string, std::string> headers;  // names in lower case
  };
  struct Response {
    int status = 200;
    std::vector<std::string> headers;  // "Name: value"
    std::string body;
    // Announced in Content-Length if it is more than the body: the connection
    // then breaks off.
    size_t announced = 0;
  };
  using Handler = std::function<Response(const Request&)>;

  explicit FakeServer(Handler handler);
  ~FakeServer();

  std::string host() const;  // "127.0.0.1:PORT"
  std::vector<Request> requests() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Accept();
  void Serve(int fd);

  const Handler handler_;
  runtime::UniqueFd listener_;
  int port_ = 0;
  absl::Mutex mutex_;
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

}  // namespace cri::image

#endif  // CORACLE_TESTS_COMPONENT_IMAGE_FAKE_SERVER_H_
