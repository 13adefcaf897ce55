// SPDX-License-Identifier: Apache-2.0
#include "agent/server/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::server {
namespace {

absl::Status SslError(absl::string_view what) {
  char text[256] = "unknown error";
  if (unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", text));
}

// HTTP/1.1 alone: exec and its like need its upgrades.
int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* in, unsigned int in_size, void*) {
  static const unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11 - 1, in,
                            in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int AcceptAny(int, X509_STORE_CTX*) { return 1; }

std::string EntryText(const X509_NAME* name, int index) {
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(
      &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) return "";
  std::string text(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

bool Verify(X509* leaf, STACK_OF(X509) * chain, X509_STORE* clients) {
  std::unique_ptr<X509_STORE_CTX, void (*)(X509_STORE_CTX*)> context(
      X509_STORE_CTX_new(), X509_STORE_CTX_free);
  if (context == nullptr ||
      X509_STORE_CTX_init(context.get(), clients, leaf, chain) != 1) {
    return false;
  }
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT);
  bool verified = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  return verified;
}

}  // namespace

TlsFiles::TlsFiles(std::string cert_file, std::string key_file,
                   std::string client_ca, TlsPolicy policy)
    : cert_file_(std::move(cert_file)),
      key_file_(std::move(key_file)),
      client_ca_(std::move(client_ca)),
      policy_(std::move(policy)) {}

std::string TlsFiles::Stamp() const {
  std::string stamp = "-";
  for (const std::string& file : {cert_file_, key_file_, client_ca_}) {
    struct stat st;
    if (file.empty() || stat(file.c_str(), &st) != 0) {
      stamp += " none";
      continue;
    }
    absl::StrAppend(&stamp, " ", st.st_dev, ":", st.st_ino, ":", st.st_size,
                    ":", st.st_mtim.tv_sec, ".", st.st_mtim.tv_nsec);
  }
  return stamp;
}

absl::StatusOr<std::shared_ptr<TlsContext>> TlsFiles::Load() const {
  auto result = std::make_shared<TlsContext>();
  SSL_CTX* ssl = result->ssl.native_handle();
  SSL_CTX_set_min_proto_version(ssl, policy_.min_version);
  if (!policy_.ciphers.empty() &&
      SSL_CTX_set_cipher_list(ssl, policy_.ciphers.c_str()) != 1) {
    return SslError(absl::StrCat("cipher suites ", policy_.ciphers));
  }
  // Without resumption every connection shows its certificate chain.
  SSL_CTX_set_options(
      ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ssl, 0);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(ssl, SelectProtocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(ssl, cert_file_.c_str()) != 1) {
    return SslError(absl::StrCat("read certificate ", cert_file_));
  }
  if (SSL_CTX_use_PrivateKey_file(ssl, key_file_.c_str(), SSL_FILETYPE_PEM) !=
      1) {
    return SslError(absl::StrCat("read key ", key_file_));
  }
  if (client_ca_.empty()) return result;
  result->clients.reset(X509_STORE_new());
  if (X509_STORE_load_file(result->clients.get(), client_ca_.c_str()) != 1) {
    return SslError(absl::StrCat("read client CA ", client_ca_));
  }
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(client_ca_.c_str());
  if (names != nullptr) SSL_CTX_set_client_CA_list(ssl, names);
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, AcceptAny);
  return result;
}

std::shared_ptr<TlsContext> TlsFiles::Current() {
  absl::MutexLock lock(&mutex_);
  std::string stamp = Stamp();
  if (stamp == stamp_) return current_;
  stamp_ = std::move(stamp);
  absl::StatusOr<std::shared_ptr<TlsContext>> loaded = Load();
  if (loaded.ok()) {
    current_ = *std::move(loaded);
  } else {
    runtime::log::Warning(
        "HTTPS server: ", loaded.status().message(),
        current_ == nullptr ? "; no connection can be served until it is there"
                            : "; the last one stays in use");
  }
  return current_;
}

ClientCertificate CheckClient(SSL* ssl, X509_STORE* clients) {
  ClientCertificate result;
  std::unique_ptr<X509, void (*)(X509*)> leaf(SSL_get1_peer_certificate(ssl),
                                              X509_free);
  if (leaf == nullptr) return result;
  result.presented = true;
  if (clients == nullptr) return result;
  result.verified = Verify(leaf.get(), SSL_get_peer_cert_chain(ssl), clients);
  if (!result.verified) return result;
  const X509_NAME* subject = X509_get_subject_name(leaf.get());
  int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index >= 0) result.common_name = EntryText(subject, index);
  for (index = -1; (index = X509_NAME_get_index_by_NID(
                        subject, NID_organizationName, index)) >= 0;) {
    result.organizations.push_back(EntryText(subject, index));
  }
  return result;
}

}  // namespace agent::server
