// SPDX-License-Identifier: Apache-2.0
#include "agent/server/tls_policy.h"

#include <openssl/ssl.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/agent/server/server_fixture.h"

namespace agent::server {
namespace {

using tests::StatusIs;

TEST(TlsPolicyTest, NothingGivenIsTls12WithTheDefaultSuites) {
  ASSERT_OK_AND_ASSIGN(const TlsPolicy policy, ParseTlsPolicy("", {}));
  EXPECT_EQ(policy.min_version, TLS1_2_VERSION);
  EXPECT_EQ(policy.ciphers, "");
}

TEST(TlsPolicyTest, OlderVersionsAreNotTaken) {
  ASSERT_OK_AND_ASSIGN(const TlsPolicy policy,
                       ParseTlsPolicy("VersionTLS10", {}));
  EXPECT_EQ(policy.min_version, TLS1_2_VERSION);
}

TEST(TlsPolicyTest, SuitesHaveTheNamesOfGoAndIana) {
  ASSERT_OK_AND_ASSIGN(
      const TlsPolicy policy,
      ParseTlsPolicy(
          "VersionTLS12",
          {"TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
           "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"}));
  EXPECT_EQ(policy.ciphers,
            "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305");
  EXPECT_EQ(policy.min_version, TLS1_2_VERSION);
}

TEST(TlsPolicyTest, OnlySuitesOfTls13MeanTls13) {
  ASSERT_OK_AND_ASSIGN(const TlsPolicy policy,
                       ParseTlsPolicy("", {"TLS_AES_128_GCM_SHA256"}));
  EXPECT_EQ(policy.min_version, TLS1_3_VERSION);
}

TEST(TlsPolicyTest, UnknownSuiteIsRefusedByName) {
  EXPECT_THAT(ParseTlsPolicy("", {"TLS_RSA_WITH_NONSENSE"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("TLS_RSA_WITH_NONSENSE")));
}

class TlsPolicyServerTest : public ServerFixture {
 protected:
  // Whether a client that speaks TLS 1.2 at most gets through.
  bool TakesTls12() {
    TlsClient client(server_->port(), apiserver_.get(), TLS1_2_VERSION);
    return client.ok();
  }
};

TEST_F(TlsPolicyServerTest, ServerKeepsToTheOldestVersion) {
  options_.tls.min_version = TLS1_3_VERSION;
  Start();
  EXPECT_FALSE(TakesTls12());
  EXPECT_TRUE(TlsClient(server_->port(), apiserver_.get()).ok());
}

TEST_F(TlsPolicyServerTest, ServerKeepsToTheSuites) {
  // The fixture's certificate is ECDSA: a suite for RSA only does not fit it.
  options_.tls.ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
  Start();
  EXPECT_FALSE(TakesTls12());
}

TEST_F(TlsPolicyServerTest, Tls12IsTakenByDefault) {
  Start();
  EXPECT_TRUE(TakesTls12());
}

}  // namespace
}  // namespace agent::server
