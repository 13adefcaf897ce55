// SPDX-License-Identifier: Apache-2.0
// Keys, certificates and requests for them, as PEM text; wraps OpenSSL. Pure
// functions, thread safe.
#ifndef CORACLE_AGENT_JOIN_PKI_H_
#define CORACLE_AGENT_JOIN_PKI_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace agent::join {

// A new ECDSA P-256 private key.
absl::StatusOr<std::string> NewKey();

struct Subject {
  std::string organization;  // "system:nodes"
  std::string common_name;   // "system:node:<name>"
};
// Names for the SubjectAltName extension; none: no extension.
struct AltNames {
  std::vector<std::string> dns, ips;
};

// A PKCS#10 request signed with `key_pem`.
absl::StatusOr<std::string> NewRequest(const std::string& key_pem,
                                       const Subject& subject,
                                       const AltNames& names = {});

// A self-signed server certificate, valid for `lifetime` from an hour ago.
absl::StatusOr<std::string> NewSelfSigned(const std::string& key_pem,
                                          const Subject& subject,
                                          const AltNames& names,
                                          absl::Duration lifetime);

// DER of the key's SubjectPublicKeyInfo.
absl::StatusOr<std::string> PublicKeyDer(const std::string& key_pem);

struct Certificate {
  std::string common_name;
  absl::Time not_before, not_after;
  std::string public_key_der;
  std::vector<std::string> dns, ips;
};
// The first certificate of a PEM text (a key may stand beside it).
absl::StatusOr<Certificate> ParseCertificate(const std::string& pem);

// "sha256:<hex>" over the SubjectPublicKeyInfo of each certificate in `pem`.
absl::StatusOr<std::vector<std::string>> SpkiPins(const std::string& pem);

// The private key's PEM block out of a text with several.
absl::StatusOr<std::string> KeyOf(const std::string& pem);

// SHA-512/256 of `data`.
std::string Sha512_256(absl::string_view data);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_PKI_H_
