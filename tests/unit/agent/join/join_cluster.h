// SPDX-License-Identifier: Apache-2.0
// As much of a kubeadm cluster as a joining node sees, over TLS.
#ifndef CORACLE_TESTS_UNIT_AGENT_JOIN_JOIN_CLUSTER_H_
#define CORACLE_TESTS_UNIT_AGENT_JOIN_JOIN_CLUSTER_H_

#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "runtime/base/json.h"
#include "tests/support/http_server.h"

namespace agent::join {

class JoinCluster {
 public:
  JoinCluster();

  std::string endpoint() const { return server_->endpoint(); }
  const std::string& pin() const { return pin_; }
  const std::string& ca_pem() const { return ca_pem_; }
  std::vector<tests::HttpRequest> requests() { return server_->requests(); }

  // What the cluster knows; set before the first request.
  std::string token_id = "abcdef", token_secret = "0123456789abcdef";
  bool token_expired = false;  // signed still, but not accepted any more
  bool publishes_info = true;
  bool node_is_ready = false;
  bool has_kubelet_config = true;
  std::string kubelet_config =
      "kind: KubeletConfiguration\nrotateCertificates: true\n"
      "authentication:\n  x509:\n    clientCAFile: /other\n";
  std::string cluster_configuration;  // of kubeadm-config; "" = there is none
  bool token_sees_kubeadm_config = true;
  std::string csr_condition = "Approved";  // "" leaves it pending
  int csr_posts = 0;

 private:
  tests::HttpResponse Answer(const tests::HttpRequest& request);
  runtime::Json ClusterInfo() const;
  runtime::Json Csr(const runtime::Json& posted);

  std::string ca_key_, ca_pem_, pin_;
  runtime::Json csr_;
  std::unique_ptr<tests::HttpServer> server_;
};

}  // namespace agent::join

#endif  // CORACLE_TESTS_UNIT_AGENT_JOIN_JOIN_CLUSTER_H_
