// SPDX-License-Identifier: Apache-2.0
#include "agent/join/bootstrap.h"

#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/api/http_client.h"
#include "agent/api/kubeconfig.h"
#include "agent/join/csr.h"
#include "agent/join/store.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

constexpr absl::Duration kRenewalWait = absl::Minutes(15);

// Posts the pending key's request and stores what comes back.
absl::Status Obtain(const config::Paths& paths, const std::string& node_name,
                    const std::string& name, absl::Duration wait,
                    const std::string& key, api::Client& client,
                    const api::CancelToken& cancel) {
  CsrRequest request;
  request.name = name;
  request.signer = kClientSigner;
  request.usage = "client auth";
  request.key_pem = key;
  request.subject = NodeSubject(node_name);
  request.wait = wait;
  ASSIGN_OR_RETURN(const std::string cert,
                   RequestCertificate(client, request, cancel));
  return StoreClientCertificate(paths, cert, key);
}

// OK if kubelet.conf can be used as it stands.
absl::Status CheckExisting(const config::Paths& paths,
                           const std::string& node_name) {
  ASSIGN_OR_RETURN(const api::ClientConfig config,
                   api::LoadKubeconfig(paths.kubeconfig));
  if (config.client_cert_file != paths.client_cert) {
    return absl::OkStatus();  // credentials of another making: theirs to keep
  }
  ASSIGN_OR_RETURN(const Certificate cert, CurrentClientCertificate(paths));
  if (cert.not_after <= absl::Now()) {
    return absl::NotFoundError(absl::StrCat(paths.client_cert, ": expired on ",
                                            absl::FormatTime(cert.not_after)));
  }
  if (cert.common_name != NodeSubject(node_name).common_name) {
    return absl::FailedPreconditionError(
        absl::StrCat(paths.client_cert, ": is for ", cert.common_name,
                     ", not for node ", node_name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EnsureClientCertificate(const config::Paths& paths,
                                     const std::string& node_name,
                                     absl::Duration wait,
                                     const api::CancelToken& cancel) {
  const absl::Status existing = CheckExisting(paths, node_name);
  if (existing.ok() || absl::IsFailedPrecondition(existing)) return existing;
  auto bootstrap = api::LoadKubeconfig(paths.bootstrap_kubeconfig);
  if (absl::IsNotFound(bootstrap.status())) {
    return absl::NotFoundError(absl::StrCat(
        existing.message(), "; and there is no ", paths.bootstrap_kubeconfig,
        " to ask for credentials with: run coracle join first"));
  }
  RETURN_IF_ERROR(bootstrap.status());
  ASSIGN_OR_RETURN(const auto client, api::MakeClient(*bootstrap));
  ASSIGN_OR_RETURN(const std::string key, PendingKey(paths));
  ASSIGN_OR_RETURN(const std::string name,
                   CsrName(key, NodeSubject(node_name), "client auth"));
  RETURN_IF_ERROR(runtime::Annotate(
      Obtain(paths, node_name, name, wait, key, *client, cancel),
      "client certificate"));
  RETURN_IF_ERROR(WriteKubeconfig(paths, bootstrap->server, bootstrap->ca_pem));
  // The token has done its work; a secret that is not there cannot leak.
  unlink(paths.bootstrap_kubeconfig.c_str());
  return absl::OkStatus();
}

absl::StatusOr<std::string> NodeNameOfCertificate(const config::Paths& paths) {
  ASSIGN_OR_RETURN(const Certificate cert, CurrentClientCertificate(paths));
  absl::string_view name = cert.common_name;
  if (!absl::ConsumePrefix(&name, "system:node:")) {
    return absl::NotFoundError(
        absl::StrCat(paths.client_cert, ": is not a node's certificate"));
  }
  return std::string(name);
}

absl::Status RenewClientCertificate(const config::Paths& paths,
                                    const std::string& node_name,
                                    api::Client& client,
                                    const api::CancelToken& cancel) {
  ASSIGN_OR_RETURN(const std::string key, PendingKey(paths));
  ASSIGN_OR_RETURN(const std::string name,
                   CsrName(key, NodeSubject(node_name), "client auth"));
  return Obtain(paths, node_name, name, kRenewalWait, key, client, cancel);
}

absl::Time RenewalTime(absl::Time not_before, absl::Time not_after,
                       double random) {
  return not_before + (not_after - not_before) * (0.7 + 0.2 * random);
}

}  // namespace agent::join
