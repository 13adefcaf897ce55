// SPDX-License-Identifier: Apache-2.0
// The server's certificate and the authority of its clients, from files that
// are replaced while it runs.
#ifndef CORACLE_AGENT_SERVER_TLS_H_
#define CORACLE_AGENT_SERVER_TLS_H_

#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/server/auth.h"
#include "agent/server/tls_policy.h"

namespace agent::server {

struct StoreDeleter {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};

struct TlsContext {
  TlsContext() : ssl(boost::asio::ssl::context::tls_server) {}
  boost::asio::ssl::context ssl;
  std::unique_ptr<X509_STORE, StoreDeleter> clients;  // null: none are trusted
};

// Thread safe.
class TlsFiles {
 public:
  TlsFiles(std::string cert_file, std::string key_file, std::string client_ca,
           TlsPolicy policy);

  // What the files hold now; what they held last if they cannot be read; null
  // if that was never anything. Problems are logged once for each change.
  std::shared_ptr<TlsContext> Current() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::string Stamp() const;
  absl::StatusOr<std::shared_ptr<TlsContext>> Load() const;

  const std::string cert_file_, key_file_, client_ca_;
  const TlsPolicy policy_;
  absl::Mutex mutex_;
  std::string stamp_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<TlsContext> current_ ABSL_GUARDED_BY(mutex_);
};

// Checks the certificate that the client presented, after the handshake. TLS
// itself accepts any, so that a wrong one is answered by 401 and not by a
// broken connection.
ClientCertificate CheckClient(SSL* ssl, X509_STORE* clients);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_TLS_H_
