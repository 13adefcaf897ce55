// SPDX-License-Identifier: Apache-2.0
// CertificateSigningRequest objects: post one and wait for its certificate.
#ifndef CORACLE_AGENT_JOIN_CSR_H_
#define CORACLE_AGENT_JOIN_CSR_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "agent/join/pki.h"

namespace agent::join {

inline constexpr char kClientSigner[] =
    "kubernetes.io/kube-apiserver-client-kubelet";
inline constexpr char kServingSigner[] = "kubernetes.io/kubelet-serving";

struct CsrRequest {
  std::string name;    // "" lets the server name it ("csr-…")
  std::string signer;  // one of the above
  std::string usage;   // "client auth" or "server auth"
  std::string key_pem;
  Subject subject;
  AltNames alt_names;
  absl::Duration wait;  // for approval and certificate
};

// The node's subject: O=system:nodes, CN=system:node:<name>.
Subject NodeSubject(const std::string& node_name);

// "node-csr-" and a digest of key, subject and usages: the same key asks for
// the same object again after a crash.
absl::StatusOr<std::string> CsrName(const std::string& key_pem,
                                    const Subject& subject,
                                    const std::string& usage);

// The issued certificate as PEM. PERMISSION_DENIED if the request was denied,
// FAILED_PRECONDITION if the signer failed or answered for another key,
// DEADLINE_EXCEEDED after `wait`. An object of the same name and key is taken
// over.
absl::StatusOr<std::string> RequestCertificate(api::Client& client,
                                               const CsrRequest& request,
                                               const api::CancelToken& cancel);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_CSR_H_
