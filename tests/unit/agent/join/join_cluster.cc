// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/join/join_cluster.h"

#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/join/pki.h"

namespace agent::join {
namespace {

using runtime::Json;
using tests::HttpResponse;

std::string Base64Url(const std::string& data) {
  std::string text = absl::WebSafeBase64Escape(data);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

std::string Jws(const std::string& payload, const std::string& id,
                const std::string& secret) {
  const std::string header =
      Base64Url(absl::StrCat(R"({"alg":"HS256","kid":")", id, "\"}"));
  const std::string input = absl::StrCat(header, ".", Base64Url(payload));
  unsigned char mac[32];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), secret.size(),
       reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac,
       &size);
  return absl::StrCat(
      header, "..", Base64Url(std::string(reinterpret_cast<char*>(mac), size)));
}

// Signs the request with the CA's key.
std::string Sign(const std::string& request_pem, const std::string& ca_pem,
                 const std::string& ca_key) {
  const auto read = [](const std::string& text, auto reader) {
    BIO* bio = BIO_new_mem_buf(text.data(), text.size());
    auto* object = reader(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return object;
  };
  X509_REQ* request = read(request_pem, PEM_read_bio_X509_REQ);
  X509* ca = read(ca_pem, PEM_read_bio_X509);
  EVP_PKEY* key = read(ca_key, PEM_read_bio_PrivateKey);
  X509* cert = X509_new();
  X509_set_version(cert, 2);
  X509_gmtime_adj(X509_getm_notBefore(cert), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_subject_name(cert, X509_REQ_get_subject_name(request));
  X509_set_issuer_name(cert, X509_get_subject_name(ca));
  X509_set_pubkey(cert, X509_REQ_get0_pubkey(request));
  X509_sign(cert, key, EVP_sha256());
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, cert);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string result(data, size);
  BIO_free(out);
  X509_free(cert);
  X509_free(ca);
  X509_REQ_free(request);
  EVP_PKEY_free(key);
  return result;
}

HttpResponse Failure(int code, const char* reason) {
  return {code, runtime::DumpJson({{"kind", "Status"},
                                   {"code", code},
                                   {"reason", reason},
                                   {"message", reason}})};
}

HttpResponse Object(const Json& object) {
  return {200, runtime::DumpJson(object)};
}

}  // namespace

JoinCluster::JoinCluster() {
  ca_key_ = NewKey().value();
  ca_pem_ = NewSelfSigned(ca_key_, {"", "kubernetes"},
                          {{"localhost"}, {"127.0.0.1"}}, absl::Hours(1))
                .value();
  pin_ = SpkiPins(ca_pem_).value()[0];
  server_ = std::make_unique<tests::HttpServer>(
      [this](const tests::HttpRequest& request) { return Answer(request); },
      ca_pem_, ca_key_);
}

Json JoinCluster::ClusterInfo() const {
  const std::string kubeconfig = absl::StrCat(
      "apiVersion: v1\nkind: Config\nclusters:\n- name: \"\"\n  cluster:\n"
      "    server: ",
      server_->url(),
      "\n    certificate-authority-data: ", absl::Base64Escape(ca_pem_), "\n");
  return {{"kind", "ConfigMap"},
          {"data",
           {{"kubeconfig", kubeconfig},
            {absl::StrCat("jws-kubeconfig-", token_id),
             Jws(kubeconfig, token_id, token_secret)}}}};
}

Json JoinCluster::Csr(const Json& posted) {
  ++csr_posts;
  Json csr = posted;
  csr["metadata"]["resourceVersion"] = "1";
  if (csr_condition.empty()) return csr;
  csr["status"]["conditions"] =
      Json::array({{{"type", csr_condition}, {"reason", "Test"}}});
  if (csr_condition == "Approved") {
    std::string pem;
    absl::Base64Unescape(runtime::StringAt(posted, {"spec", "request"}), &pem);
    csr["status"]["certificate"] =
        absl::Base64Escape(Sign(pem, ca_pem_, ca_key_));
  }
  return csr;
}

HttpResponse JoinCluster::Answer(const tests::HttpRequest& request) {
  if (request.path ==
      "/api/v1/namespaces/kube-public/configmaps/cluster-info") {
    return publishes_info ? Object(ClusterInfo()) : Failure(403, "Forbidden");
  }
  if (absl::EndsWith(request.path, "/configmaps/kubeadm-config")) {
    // A node shows its certificate, which this server does not ask for.
    const bool token = request.headers.contains("authorization");
    if (token && !token_sees_kubeadm_config) return Failure(403, "Forbidden");
    if (cluster_configuration.empty()) return Failure(404, "NotFound");
    return Object(
        {{"data", {{"ClusterConfiguration", cluster_configuration}}}});
  }
  const auto token = request.headers.find("authorization");
  if (token == request.headers.end() || token_expired ||
      token->second != absl::StrCat("Bearer ", token_id, ".", token_secret)) {
    return Failure(401, "Unauthorized");
  }
  if (absl::StartsWith(request.path, "/api/v1/nodes/")) {
    if (!node_is_ready) return Failure(404, "NotFound");
    return Object({{"status",
                    {{"conditions", Json::array({{{"type", "Ready"},
                                                  {"status", "True"}}})}}}});
  }
  if (absl::EndsWith(request.path, "/configmaps/kubelet-config")) {
    if (!has_kubelet_config) return Failure(404, "NotFound");
    return Object({{"data", {{"kubelet", kubelet_config}}}});
  }
  if (request.method == "POST") {
    csr_ = Csr(runtime::ParseJson(request.body, "test").value());
    return Object(csr_);
  }
  return csr_.is_null() ? Failure(404, "NotFound") : Object(csr_);
}

}  // namespace agent::join
