// SPDX-License-Identifier: Apache-2.0
#include "agent/join/csr.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

using runtime::Json;
using runtime::StringAt;

constexpr char kCollection[] =
    "/apis/certificates.k8s.io/v1/certificatesigningrequests";

// The certificate once there is one; "" while the request waits.
absl::StatusOr<std::string> Outcome(const Json& csr) {
  const Json& status = runtime::ObjectAt(csr, "status");
  bool approved = false;
  for (const Json& condition : runtime::ArrayAt(status, "conditions")) {
    const std::string type = StringAt(condition, "type");
    const std::string why = absl::StrCat(StringAt(condition, "reason"), ": ",
                                         StringAt(condition, "message"));
    if (type == "Denied") {
      return absl::PermissionDeniedError(
          absl::StrCat("the certificate request was denied: ", why));
    }
    if (type == "Failed") {
      return absl::FailedPreconditionError(
          absl::StrCat("the signer could not sign the request: ", why));
    }
    approved |= type == "Approved";
  }
  const std::string encoded = StringAt(status, "certificate");
  std::string pem;
  if (!approved || encoded.empty()) return pem;
  if (!absl::Base64Unescape(encoded, &pem)) {
    return absl::FailedPreconditionError("status.certificate: not base64");
  }
  return pem;
}

absl::StatusOr<Json> Post(api::Client& client, const CsrRequest& request) {
  ASSIGN_OR_RETURN(
      const std::string pem,
      NewRequest(request.key_pem, request.subject, request.alt_names));
  Json object = {{"apiVersion", "certificates.k8s.io/v1"},
                 {"kind", "CertificateSigningRequest"},
                 {"metadata", Json::object()},
                 {"spec",
                  {{"request", absl::Base64Escape(pem)},
                   {"signerName", request.signer},
                   // "key encipherment" belongs to RSA keys only; the approver
                   // compares this list exactly.
                   {"usages", {"digital signature", request.usage}}}}};
  if (request.name.empty()) {
    object["metadata"]["generateName"] = "csr-";
  } else {
    object["metadata"]["name"] = request.name;
  }
  auto created = client.Create(kCollection, object);
  if (absl::IsAlreadyExists(created.status())) {
    return client.Get(absl::StrCat(kCollection, "/", request.name));
  }
  return created;
}

absl::Status CheckKey(const std::string& cert_pem, const std::string& key_pem) {
  ASSIGN_OR_RETURN(const Certificate cert, ParseCertificate(cert_pem));
  ASSIGN_OR_RETURN(const std::string key, PublicKeyDer(key_pem));
  if (cert.public_key_der != key) {
    return absl::FailedPreconditionError(
        "the issued certificate is for another key");
  }
  return absl::OkStatus();
}

// Watches the object until it has an outcome; returns "" if the watch ended
// without one.
absl::StatusOr<std::string> WatchOnce(api::Client& client, const Json& csr,
                                      absl::Time deadline,
                                      const api::CancelToken& cancel) {
  const Json& metadata = runtime::ObjectAt(csr, "metadata");
  const int64_t seconds =
      std::clamp<int64_t>(absl::ToInt64Seconds(deadline - absl::Now()), 1, 300);
  absl::StatusOr<std::string> outcome = "";
  const absl::Status status = client.Watch(
      kCollection,
      {{"fieldSelector",
        absl::StrCat("metadata.name=", StringAt(metadata, "name"))},
       {"resourceVersion", StringAt(metadata, "resourceVersion")},
       {"timeoutSeconds", absl::StrCat(seconds)}},
      cancel, [&outcome](const api::WatchEvent& event) {
        if (event.type == "DELETED") {
          outcome = absl::FailedPreconditionError(
              "the certificate request was deleted before it was approved");
        } else if (event.type != "BOOKMARK") {
          outcome = Outcome(event.object);
        }
        return outcome.ok() && outcome->empty();
      });
  if (!outcome.ok() || !outcome->empty()) return outcome;
  if (!status.ok() && !api::IsGone(status)) return status;
  return outcome;
}

}  // namespace

Subject NodeSubject(const std::string& node_name) {
  return {"system:nodes", absl::StrCat("system:node:", node_name)};
}

absl::StatusOr<std::string> CsrName(const std::string& key_pem,
                                    const Subject& subject,
                                    const std::string& usage) {
  ASSIGN_OR_RETURN(const std::string key, PublicKeyDer(key_pem));
  const auto encode = [](absl::string_view text) {
    std::string out = absl::WebSafeBase64Escape(text);
    while (!out.empty() && out.back() == '=') out.pop_back();
    return out;
  };
  // Encoded parts cannot contain the separator, so no two inputs give one text.
  const std::string text =
      absl::StrCat(encode(key), "|", encode(subject.organization), "|",
                   encode(subject.common_name), "|", encode(usage));
  return absl::StrCat("node-csr-", encode(Sha512_256(text)));
}

absl::StatusOr<std::string> RequestCertificate(api::Client& client,
                                               const CsrRequest& request,
                                               const api::CancelToken& cancel) {
  const absl::Time deadline = absl::Now() + request.wait;
  ASSIGN_OR_RETURN(Json csr, Post(client, request));
  const std::string name = StringAt(csr, {"metadata", "name"});
  while (true) {
    ASSIGN_OR_RETURN(std::string pem, Outcome(csr));
    if (pem.empty()) {
      ASSIGN_OR_RETURN(pem, WatchOnce(client, csr, deadline, cancel));
    }
    if (!pem.empty()) {
      RETURN_IF_ERROR(CheckKey(pem, request.key_pem));
      return pem;
    }
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "certificate request ", name, " was not approved within ",
          absl::FormatDuration(request.wait),
          "; approve it with: kubectl "
          "certificate approve ",
          name));
    }
    ASSIGN_OR_RETURN(csr, client.Get(absl::StrCat(kCollection, "/", name)));
  }
}

}  // namespace agent::join
