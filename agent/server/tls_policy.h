// SPDX-License-Identifier: Apache-2.0
// The oldest protocol and the cipher suites that the HTTPS server takes.
#ifndef CORACLE_AGENT_SERVER_TLS_POLICY_H_
#define CORACLE_AGENT_SERVER_TLS_POLICY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace agent::server {

// Which handshakes are taken.
struct TlsPolicy {
  int min_version = 0x0303;  // TLS1_2_VERSION of OpenSSL
  // OpenSSL's list for TLS 1.2; "" is its default. TLS 1.3 has its own suites,
  // which are always on.
  std::string ciphers;
};

// From KubeletConfiguration's tlsMinVersion ("VersionTLS12"; below that counts
// as that) and tlsCipherSuites (names as Go and IANA have them).
// INVALID_ARGUMENT names a suite that OpenSSL does not offer.
absl::StatusOr<TlsPolicy> ParseTlsPolicy(
    const std::string& min_version, const std::vector<std::string>& suites);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_TLS_POLICY_H_
