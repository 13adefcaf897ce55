// SPDX-License-Identifier: Apache-2.0
// HttpClient is the Client over libcurl: HTTP/1.1 over TLS with kept-alive
// connections, one of its own for each watch. Thread safe.
#ifndef CORACLE_AGENT_API_HTTP_CLIENT_H_
#define CORACLE_AGENT_API_HTTP_CLIENT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/api/client.h"

namespace agent::api {

struct ClientConfig {
  std::string server;  // "https://10.0.0.1:6443", no trailing slash
  // Trusted CAs as PEM, or a file of them; both empty: the system's.
  std::string ca_pem, ca_file;
  bool insecure = false;  // no verification of the server at all
  // Files are read anew for each connection, so a rotated certificate needs
  // only ReloadCredentials. PEM text wins over a file.
  std::string client_cert_pem, client_key_pem;
  std::string client_cert_file, client_key_file;
  std::string token, token_file;
  absl::Duration timeout = absl::Seconds(30);  // of a call that is no watch
};

class Session;

class HttpClient : public Client {
 public:
  explicit HttpClient(ClientConfig config);
  ~HttpClient() override;

  absl::StatusOr<Json> Get(const std::string& path,
                           const Query& query = {}) override;
  absl::StatusOr<Json> Create(const std::string& path, const Json& object,
                              const Query& query = {}) override;
  absl::StatusOr<Json> Update(const std::string& path,
                              const Json& object) override;
  absl::StatusOr<Json> Patch(const std::string& path, PatchType type,
                             const Json& patch) override;
  absl::Status Delete(const std::string& path,
                      const Json& options = Json()) override;
  absl::Status Watch(const std::string& path, const Query& query,
                     const CancelToken& cancel, const OnEvent& on_event,
                     const std::function<void()>& on_open = {}) override;

  // An answer that is not JSON ("/healthz").
  absl::StatusOr<std::string> GetText(const std::string& path);

  // Drops every connection, so that the next ones read the credential files
  // again. Watches under way end with OK, as if the server had ended them.
  void ReloadCredentials() ABSL_LOCKS_EXCLUDED(mutex_);

  const ClientConfig& config() const { return config_; }

 private:
  // One request, repeated while the server answers 429 or 503 with a
  // Retry-After that is short enough to wait for.
  absl::StatusOr<std::string> Call(const std::string& method,
                                   const std::string& path, const Query& query,
                                   const std::string& content_type,
                                   const Json* body);
  absl::StatusOr<std::string> CallOnce(const std::string& method,
                                       const std::string& url,
                                       const std::string& content_type,
                                       const std::string* body);
  std::string Url(const std::string& path, const Query& query) const;
  absl::StatusOr<std::unique_ptr<Session>> Acquire()
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Release(std::unique_ptr<Session> session) ABSL_LOCKS_EXCLUDED(mutex_);

  const ClientConfig config_;
  absl::Mutex mutex_;
  int generation_ ABSL_GUARDED_BY(mutex_) = 0;
  // Most recently used last.
  std::vector<std::unique_ptr<Session>> idle_ ABSL_GUARDED_BY(mutex_);
  // Ends the watches of the current generation.
  std::shared_ptr<CancelToken> reload_ ABSL_GUARDED_BY(mutex_);
};

// INVALID_ARGUMENT if the server is no http(s) URL or a file cannot be read.
absl::StatusOr<std::unique_ptr<HttpClient>> MakeClient(
    const ClientConfig& config);

}  // namespace agent::api

#endif  // CORACLE_AGENT_API_HTTP_CLIENT_H_
