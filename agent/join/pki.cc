// SPDX-License-Identifier: Apache-2.0
#include "agent/join/pki.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_REQ* p) const { X509_REQ_free(p); }
  void operator()(X509_NAME* p) const { X509_NAME_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
  void operator()(STACK_OF(X509_EXTENSION) * p) const {
    sk_X509_EXTENSION_pop_free(p, X509_EXTENSION_free);
  }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

absl::Status SslError(absl::string_view what) {
  char text[256] = "";
  ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", text));
}

Owned<BIO> Reader(const std::string& text) {
  return Owned<BIO>(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

absl::StatusOr<Owned<EVP_PKEY>> ReadKey(const std::string& pem) {
  Owned<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(Reader(pem).get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return SslError("private key");
  return key;
}

absl::StatusOr<Owned<X509_NAME>> Name(const Subject& subject) {
  Owned<X509_NAME> name(X509_NAME_new());
  const auto add = [&name](const char* field, const std::string& value) {
    return value.empty() ||
           X509_NAME_add_entry_by_txt(
               name.get(), field, MBSTRING_UTF8,
               reinterpret_cast<const unsigned char*>(value.data()),
               static_cast<int>(value.size()), -1, 0) == 1;
  };
  if (!add("O", subject.organization) || !add("CN", subject.common_name)) {
    return SslError("certificate subject");
  }
  return name;
}

absl::StatusOr<Owned<X509_EXTENSION>> Extension(int nid,
                                                const std::string& value) {
  Owned<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  if (extension == nullptr) return SslError(absl::StrCat("extension ", value));
  return extension;
}

// As OpenSSL's configuration language writes it; "" for no names.
std::string AltNameText(const AltNames& names) {
  std::vector<std::string> parts;
  for (const std::string& dns : names.dns) parts.push_back("DNS:" + dns);
  for (const std::string& ip : names.ips) parts.push_back("IP:" + ip);
  return absl::StrJoin(parts, ",");
}

std::string PublicDer(EVP_PKEY* key) {
  unsigned char* data = nullptr;
  const int size = i2d_PUBKEY(key, &data);
  std::string der(reinterpret_cast<char*>(data), size > 0 ? size : 0);
  OPENSSL_free(data);
  return der;
}

absl::Time Time(const ASN1_TIME* time) {
  tm fields = {};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return absl::InfinitePast();
  return absl::FromTM(fields, absl::UTCTimeZone());
}

void ReadAltNames(X509* cert, Certificate* out) {
  const Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const auto* data =
        ASN1_STRING_get0_data(reinterpret_cast<ASN1_STRING*>(name->d.ia5));
    const int size =
        ASN1_STRING_length(reinterpret_cast<ASN1_STRING*>(name->d.ia5));
    if (name->type == GEN_DNS) {
      out->dns.emplace_back(reinterpret_cast<const char*>(data), size);
    } else if (name->type == GEN_IPADD) {
      char text[INET6_ADDRSTRLEN] = "";
      inet_ntop(size == 4 ? AF_INET : AF_INET6, data, text, sizeof text);
      out->ips.emplace_back(text);
    }
  }
}

}  // namespace

absl::StatusOr<std::string> NewKey() {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  if (key == nullptr) return SslError("new key");
  const Owned<BIO> out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0,
                               nullptr, nullptr) != 1) {
    return SslError("new key");
  }
  return Text(out.get());
}

absl::StatusOr<std::string> NewRequest(const std::string& key_pem,
                                       const Subject& subject,
                                       const AltNames& names) {
  ASSIGN_OR_RETURN(const Owned<EVP_PKEY> key, ReadKey(key_pem));
  ASSIGN_OR_RETURN(const Owned<X509_NAME> name, Name(subject));
  const Owned<X509_REQ> request(X509_REQ_new());
  X509_REQ_set_version(request.get(), 0);
  X509_REQ_set_subject_name(request.get(), name.get());
  X509_REQ_set_pubkey(request.get(), key.get());
  if (const std::string text = AltNameText(names); !text.empty()) {
    ASSIGN_OR_RETURN(auto extension, Extension(NID_subject_alt_name, text));
    const Owned<STACK_OF(X509_EXTENSION)> list(sk_X509_EXTENSION_new_null());
    sk_X509_EXTENSION_push(list.get(), extension.release());
    X509_REQ_add_extensions(request.get(), list.get());
  }
  if (X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0) {
    return SslError("certificate request");
  }
  const Owned<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(out.get(), request.get());
  return Text(out.get());
}

absl::StatusOr<std::string> NewSelfSigned(const std::string& key_pem,
                                          const Subject& subject,
                                          const AltNames& names,
                                          absl::Duration lifetime) {
  ASSIGN_OR_RETURN(const Owned<EVP_PKEY> key, ReadKey(key_pem));
  ASSIGN_OR_RETURN(const Owned<X509_NAME> name, Name(subject));
  const Owned<X509> cert(X509_new());
  X509_set_version(cert.get(), 2);
  uint32_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), serial | 1u);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()),
                  static_cast<long>(absl::ToInt64Seconds(lifetime)));
  X509_set_subject_name(cert.get(), name.get());
  X509_set_issuer_name(cert.get(), name.get());
  X509_set_pubkey(cert.get(), key.get());
  const std::vector<std::pair<int, std::string>> extensions = {
      {NID_basic_constraints, "critical,CA:FALSE"},
      {NID_key_usage, "critical,digitalSignature"},
      {NID_ext_key_usage, "serverAuth"},
      {NID_subject_alt_name, AltNameText(names)}};
  for (const auto& [nid, value] : extensions) {
    if (value.empty()) continue;
    ASSIGN_OR_RETURN(const auto extension, Extension(nid, value));
    X509_add_ext(cert.get(), extension.get(), -1);
  }
  if (X509_sign(cert.get(), key.get(), EVP_sha256()) <= 0) {
    return SslError("self-signed certificate");
  }
  const Owned<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), cert.get());
  return Text(out.get());
}

absl::StatusOr<std::string> PublicKeyDer(const std::string& key_pem) {
  ASSIGN_OR_RETURN(const Owned<EVP_PKEY> key, ReadKey(key_pem));
  return PublicDer(key.get());
}

absl::StatusOr<Certificate> ParseCertificate(const std::string& pem) {
  const Owned<X509> cert(
      PEM_read_bio_X509(Reader(pem).get(), nullptr, nullptr, nullptr));
  if (cert == nullptr) return SslError("certificate");
  Certificate result;
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(cert.get()), NID_commonName,
                            name, sizeof name);
  result.common_name = name;
  result.not_before = Time(X509_get0_notBefore(cert.get()));
  result.not_after = Time(X509_get0_notAfter(cert.get()));
  if (EVP_PKEY* key = X509_get0_pubkey(cert.get()); key != nullptr) {
    result.public_key_der = PublicDer(key);
  }
  ReadAltNames(cert.get(), &result);
  return result;
}

absl::StatusOr<std::vector<std::string>> SpkiPins(const std::string& pem) {
  const Owned<BIO> reader = Reader(pem);
  std::vector<std::string> pins;
  while (true) {
    const Owned<X509> cert(
        PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr));
    if (cert == nullptr) break;
    EVP_PKEY* key = X509_get0_pubkey(cert.get());
    if (key == nullptr) return SslError("certificate without a key");
    const std::string der = PublicDer(key);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(der.data(), der.size(), digest, &size, EVP_sha256(), nullptr);
    pins.push_back(absl::StrCat(
        "sha256:", absl::BytesToHexString(absl::string_view(
                       reinterpret_cast<const char*>(digest), size))));
  }
  if (pins.empty()) return SslError("no certificate");
  ERR_clear_error();  // the end of the text counts as an error there
  return pins;
}

absl::StatusOr<std::string> KeyOf(const std::string& pem) {
  ASSIGN_OR_RETURN(const Owned<EVP_PKEY> key, ReadKey(pem));
  const Owned<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr,
                           nullptr);
  return Text(out.get());
}

std::string Sha512_256(absl::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest, &size, EVP_sha512_256(),
             nullptr);
  return std::string(reinterpret_cast<char*>(digest), size);
}

}  // namespace agent::join
