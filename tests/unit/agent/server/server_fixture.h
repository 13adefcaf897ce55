// SPDX-License-Identifier: Apache-2.0
// A real server on a free port, its authority, and clients for it.
#ifndef CORACLE_TESTS_UNIT_AGENT_SERVER_SERVER_FIXTURE_H_
#define CORACLE_TESTS_UNIT_AGENT_SERVER_SERVER_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/server/server.h"
#include "runtime/base/executor.h"
#include "runtime/base/file.h"
#include "tests/support/fake_api_client.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/server/fake_pods.h"
#include "tests/unit/agent/server/tls_client.h"

namespace agent::server {

class ServerFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    authority_ = MakeIdentity("ca", {}, nullptr);
    apiserver_ = MakeIdentity("kube-apiserver-kubelet-client",
                              {"kubeadm:cluster-admins"}, authority_.get());
    Write("ca.crt", authority_->CertificatePem());
    NewServingCertificate("node-1");
    client_.OnCreate(
        [](const std::string& path,
           const runtime::Json& object) -> absl::StatusOr<runtime::Json> {
          if (absl::StrContains(path, "tokenreviews")) {
            return runtime::Json{
                {"status",
                 {{"authenticated", object["spec"]["token"] == "good"},
                  {"user", {{"username", "scraper"}}}}}};
          }
          bool allowed =
              object["spec"]["user"] == "kube-apiserver-kubelet-client" ||
              object["spec"]["resourceAttributes"]["subresource"] == "metrics";
          return runtime::Json{{"status", {{"allowed", allowed}}}};
        });
    options_.address = "127.0.0.1";
    options_.port = 0;
    options_.cert_file = pods_.root() + "/tls.crt";
    options_.key_file = pods_.root() + "/tls.key";
    options_.authentication.client_ca_file = pods_.root() + "/ca.crt";
    options_.node_name = "node-1";
    options_.pod_logs_dir = pods_.root();
    options_.client = &client_;
    options_.pods = &pods_;
    options_.executor = &executor_;
    options_.timeouts.log_check = absl::Milliseconds(50);
  }
  void Start() {
    server_ = MakeServer(options_);
    ASSERT_THAT(server_->Start(), tests::IsOk());
  }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_THAT(runtime::WriteFileAtomic(pods_.root() + "/" + name, text),
                tests::IsOk());
  }
  void NewServingCertificate(const std::string& name) {
    auto serving = MakeIdentity(name, {}, nullptr);
    Write("tls.key", serving->KeyPem());
    Write("tls.crt", serving->CertificatePem());
  }
  static std::string Get(const std::string& target,
                         const std::string& headers = "") {
    return absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: node\r\n", headers,
                        "\r\n");
  }
  // Status line, headers and body of one exchange that the server closes.
  std::string Exchange(const std::string& request, const Identity* identity) {
    TlsClient client(server_->port(), identity);
    if (!client.ok()) return "no handshake";
    client.Send(request);
    return client.ReceiveAll();
  }
  std::string Ask(const std::string& target, const std::string& headers = "") {
    return Exchange(Get(target, absl::StrCat("Connection: close\r\n", headers)),
                    apiserver_.get());
  }

  FakePods pods_;
  api::FakeClient client_;
  runtime::Executor executor_{"test", 4};
  Options options_;
  std::unique_ptr<Identity> authority_, apiserver_;
  std::unique_ptr<Server> server_;
};

}  // namespace agent::server

#endif  // CORACLE_TESTS_UNIT_AGENT_SERVER_SERVER_FIXTURE_H_
