// SPDX-License-Identifier: Apache-2.0
#include "agent/api/kubeconfig.h"

#include "tests/support/status_matchers.h"

namespace agent::api {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

constexpr char kText[] = R"(
apiVersion: v1
kind: Config
current-context: b
clusters:
- name: c1
  cluster: {server: "https://one:6443", certificate-authority: pki/ca.crt}
- name: c2
  cluster: {server: "https://two:6443", certificate-authority-data: Q0E=}
contexts:
- {name: a, context: {cluster: c1, user: u1}}
- {name: b, context: {cluster: c2, user: u2}}
users:
- {name: u1, user: {token: t}}
- name: u2
  user: {client-certificate: /pki/x.pem, client-key-data: S0VZ}
)";

TEST(KubeconfigTest, ReadsTheCurrentContext) {
  ASSERT_OK_AND_ASSIGN(const ClientConfig config,
                       ParseKubeconfig(kText, "k", "/etc/kubernetes"));
  EXPECT_EQ(config.server, "https://two:6443");
  EXPECT_EQ(config.ca_pem, "CA");
  EXPECT_EQ(config.client_cert_file, "/pki/x.pem");
  EXPECT_EQ(config.client_key_pem, "KEY");
  EXPECT_EQ(config.token, "");
}

TEST(KubeconfigTest, PathsCountFromItsDirectory) {
  std::string text = kText;
  text.replace(text.find("current-context: b"), 18, "current-context: a");
  ASSERT_OK_AND_ASSIGN(const ClientConfig config,
                       ParseKubeconfig(text, "k", "/etc/kubernetes"));
  EXPECT_EQ(config.ca_file, "/etc/kubernetes/pki/ca.crt");
  EXPECT_EQ(config.token, "t");
}

TEST(KubeconfigTest, ReadsWhatItWrites) {
  ClientConfig config;
  config.server = "https://10.0.0.1:6443";
  config.ca_pem = "-----BEGIN CERTIFICATE-----\n";
  config.client_cert_file = config.client_key_file = "/pki/current.pem";
  ASSERT_OK_AND_ASSIGN(
      const ClientConfig read,
      ParseKubeconfig(FormatKubeconfig(config, "kubernetes", "node"), "k",
                      "/"));
  EXPECT_EQ(read.server, config.server);
  EXPECT_EQ(read.ca_pem, config.ca_pem);
  EXPECT_EQ(read.client_cert_file, "/pki/current.pem");
  EXPECT_EQ(read.client_key_file, "/pki/current.pem");
}

TEST(KubeconfigTest, SaysWhatIsWrong) {
  const struct {
    std::string from, to, message;
  } rows[] = {
      {"current-context: b", "current-context: z", "no entry named \"z\""},
      {"cluster: c2,", "cluster: c9,", "no entry named \"c9\""},
      {"Q0E=", "'*'", "certificate-authority-data: not base64"},
      {"user: {token: t}", "user: {exec: {}}", ""},
      {"apiVersion: v1", "apiVersion: [", "k: line "},
      {"client-certificate: /pki/x.pem", "exec: {command: aws}",
       "user.exec: not supported"},
      {"\"https://two:6443\"", "''", "cluster.server: missing"},
  };
  for (const auto& row : rows) {
    std::string text = kText;
    text.replace(text.find(row.from), row.from.size(), row.to);
    const auto config = ParseKubeconfig(text, "k", "/");
    if (row.message.empty()) {
      EXPECT_THAT(config, tests::IsOk());  // not the current user
    } else {
      EXPECT_FALSE(config.ok());
      EXPECT_THAT(std::string(config.status().message()),
                  HasSubstr(row.message));
    }
  }
}

}  // namespace
}  // namespace agent::api
