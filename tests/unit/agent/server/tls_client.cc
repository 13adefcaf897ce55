// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/server/tls_client.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "absl/strings/match.h"
#include "absl/time/clock.h"

namespace agent::server {
namespace {

std::string Drain(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

void AddName(X509_NAME* name, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(
      name, field, MBSTRING_UTF8,
      reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
}

}  // namespace

Identity::~Identity() {
  X509_free(certificate);
  EVP_PKEY_free(key);
}

std::string Identity::CertificatePem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  return Drain(bio);
}

std::string Identity::KeyPem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  return Drain(bio);
}

std::unique_ptr<Identity> MakeIdentity(
    const std::string& common_name,
    const std::vector<std::string>& organizations, const Identity* issuer) {
  static long serial = 1;
  auto made = std::make_unique<Identity>();
  made->key = EVP_EC_gen("P-256");
  made->certificate = X509_new();
  X509* certificate = made->certificate;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME* name = X509_get_subject_name(certificate);
  for (const std::string& organization : organizations) {
    AddName(name, "O", organization);
  }
  if (!common_name.empty()) AddName(name, "CN", common_name);
  X509_set_issuer_name(
      certificate, issuer ? X509_get_subject_name(issuer->certificate) : name);
  X509_set_pubkey(certificate, made->key);
  if (issuer == nullptr) {
    X509_EXTENSION* authority = X509V3_EXT_conf_nid(
        nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(certificate, authority, -1);
    X509_EXTENSION_free(authority);
  }
  X509_sign(certificate, issuer ? issuer->key : made->key, EVP_sha256());
  return made;
}

TlsClient::TlsClient(int port, const Identity* identity, int max_version)
    : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  // OpenSSL writes without MSG_NOSIGNAL, and servers hang up on us here.
  signal(SIGPIPE, SIG_IGN);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  context_ = SSL_CTX_new(TLS_client_method());
  if (max_version != 0) SSL_CTX_set_max_proto_version(context_, max_version);
  if (identity != nullptr) {
    SSL_CTX_use_certificate(context_, identity->certificate);
    SSL_CTX_use_PrivateKey(context_, identity->key);
  }
  static const unsigned char kProtocols[] = "\x02h2\x08http/1.1";
  SSL_CTX_set_alpn_protos(context_, kProtocols, sizeof kProtocols - 1);
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, socket_.get());
  timeval limit{10, 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ok_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                sizeof address) == 0 &&
        SSL_connect(ssl_) == 1;
}

TlsClient::~TlsClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

bool TlsClient::Send(const std::string& bytes) {
  return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

std::string TlsClient::Receive(absl::Duration limit) {
  timeval time = absl::ToTimeval(std::max(limit, absl::Milliseconds(1)));
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  char buffer[16 << 10];
  int n = SSL_read(ssl_, buffer, sizeof buffer);
  if (n > 0) return std::string(buffer, static_cast<size_t>(n));
  if (SSL_get_error(ssl_, n) != SSL_ERROR_WANT_READ) ended_ = true;
  return "";
}

std::string TlsClient::ReceiveUntil(const std::string& text,
                                    absl::Duration limit) {
  absl::Time deadline = absl::Now() + limit;
  std::string all;
  while (!absl::StrContains(all, text) && !ended_ && absl::Now() < deadline) {
    all += Receive(deadline - absl::Now());
  }
  return all;
}

std::string TlsClient::ReceiveAll(absl::Duration limit) {
  absl::Time deadline = absl::Now() + limit;
  std::string all;
  while (!ended_ && absl::Now() < deadline) {
    all += Receive(deadline - absl::Now());
  }
  return all;
}

}  // namespace agent::server
