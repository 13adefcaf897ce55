// SPDX-License-Identifier: Apache-2.0
#include "agent/server/tls_policy.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace agent::server {

absl::StatusOr<TlsPolicy> ParseTlsPolicy(
    const std::string& min_version, const std::vector<std::string>& suites) {
  TlsPolicy policy;
  if (min_version == "VersionTLS13") policy.min_version = TLS1_3_VERSION;
  std::vector<std::string> names;
  bool only_new = !suites.empty();
  for (const std::string& suite : suites) {
    // Those of TLS 1.3 do not name a key exchange and cannot be chosen.
    if (!absl::StrContains(suite, "_WITH_")) continue;
    only_new = false;
    std::string name = OPENSSL_cipher_name(suite.c_str());
    if (name == "(NONE)") {
      // Go's older name of some.
      name = OPENSSL_cipher_name(absl::StrCat(suite, "_SHA256").c_str());
    }
    if (name == "(NONE)") {
      return absl::InvalidArgumentError(
          absl::StrCat("tlsCipherSuites: unknown suite ", suite));
    }
    names.push_back(std::move(name));
  }
  if (only_new) policy.min_version = TLS1_3_VERSION;
  policy.ciphers = absl::StrJoin(names, ":");
  if (policy.ciphers.empty()) return policy;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> probe(
      SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (probe == nullptr ||
      SSL_CTX_set_cipher_list(probe.get(), policy.ciphers.c_str()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError(absl::StrCat(
        "tlsCipherSuites: none of them is offered: ", policy.ciphers));
  }
  return policy;
}

}  // namespace agent::server
