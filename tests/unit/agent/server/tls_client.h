// SPDX-License-Identifier: Apache-2.0
// Certificates made on the spot, and a blocking TLS client that shows what the
// server sent byte by byte.
#ifndef CORACLE_TESTS_UNIT_AGENT_SERVER_TLS_CLIENT_H_
#define CORACLE_TESTS_UNIT_AGENT_SERVER_TLS_CLIENT_H_

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"

namespace agent::server {

struct Identity {
  X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;
  Identity() = default;
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  ~Identity();
  std::string CertificatePem() const;
  std::string KeyPem() const;
};

// Signed by `issuer`, by itself if that is null.
std::unique_ptr<Identity> MakeIdentity(
    const std::string& common_name,
    const std::vector<std::string>& organizations, const Identity* issuer);

class TlsClient {
 public:
  // Connects to 127.0.0.1 and shakes hands; ok() tells. `max_version` 0: the
  // newest.
  TlsClient(int port, const Identity* identity, int max_version = 0);
  ~TlsClient();

  bool ok() const { return ok_; }
  bool Send(const std::string& bytes);
  // The next bytes; "" at the end, or if none come in time.
  std::string Receive(absl::Duration limit = absl::Seconds(10));
  // Until `text` is in what was received since the last call; all of it.
  std::string ReceiveUntil(const std::string& text,
                           absl::Duration limit = absl::Seconds(10));
  // Until the server closes.
  std::string ReceiveAll(absl::Duration limit = absl::Seconds(10));
  // True if the server closed.
  bool ended() const { return ended_; }
  int fd() const { return socket_.get(); }

 private:
  runtime::UniqueFd socket_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  bool ok_ = false;
  bool ended_ = false;
};

}  // namespace agent::server

#endif  // CORACLE_TESTS_UNIT_AGENT_SERVER_TLS_CLIENT_H_
