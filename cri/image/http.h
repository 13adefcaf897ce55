// SPDX-License-Identifier: Apache-2.0
// HTTP by libcurl, as much as a registry needs: streaming bodies, deadlines,
// cancellation, redirects that do not carry credentials to another origin.
#ifndef CORACLE_CRI_IMAGE_HTTP_H_
#define CORACLE_CRI_IMAGE_HTTP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace cri::image {

// When a call has to end. Checked about once a second while idle.
struct Control {
  absl::Time deadline = absl::InfiniteFuture();
  std::function<bool()> cancelled;  // may be empty

  // OK, CANCELLED or DEADLINE_EXCEEDED.
  absl::Status Check() const;
};

struct TlsOptions {
  bool skip_verify = false;
  std::vector<std::string> ca_files;  // beside the system's
  std::string client_cert, client_key;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;          // "Name: value"
  std::vector<std::string> private_headers;  // dropped on another origin
  std::string body;                          // of a POST
  TlsOptions tls;
  size_t max_body = 1 << 20;
  // Gets the body of a 200 or 206 answer piece by piece instead of
  // HttpResponse::body; an error ends the transfer and is returned.
  std::function<absl::Status(int http_status, absl::string_view data)> sink;
};

struct HttpResponse {
  int status = 0;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;

  // The last value, or "".
  std::string Header(const std::string& name) const;
};

// Thread safe; keeps connections alive for the next request.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any HTTP status is a success here. UNAVAILABLE if the server cannot be
  // reached or breaks off; the codes of Control; what `sink` returned.
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request,
                                    const Control& control);

 private:
  absl::StatusOr<HttpResponse> SendOnce(const HttpRequest& request,
                                        const std::string& url,
                                        bool same_origin,
                                        const Control& control,
                                        std::string* redirect);
  void* Take() ABSL_LOCKS_EXCLUDED(mutex_);
  void Give(void* handle) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Mutex mutex_;
  std::vector<void*> idle_ ABSL_GUARDED_BY(mutex_);
};

// "scheme://host:port" of a URL in lower case, with the default port.
std::string OriginOf(absl::string_view url);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_HTTP_H_
