// SPDX-License-Identifier: Apache-2.0
#include "agent/join/pki.h"

#include "agent/join/bootstrap.h"
#include "agent/join/csr.h"
#include "tests/support/status_matchers.h"

namespace agent::join {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using tests::StatusIs;

TEST(PkiTest, SelfSignedCertificateCarriesItsNames) {
  ASSERT_OK_AND_ASSIGN(const std::string key, NewKey());
  ASSERT_OK_AND_ASSIGN(
      const std::string pem,
      NewSelfSigned(key, {"", "n1@coracle"}, {{"n1"}, {"10.0.0.1", "fd00::1"}},
                    absl::Hours(10)));
  ASSERT_OK_AND_ASSIGN(const Certificate cert, ParseCertificate(pem));
  EXPECT_EQ(cert.common_name, "n1@coracle");
  EXPECT_THAT(cert.dns, ElementsAre("n1"));
  EXPECT_THAT(cert.ips, ElementsAre("10.0.0.1", "fd00::1"));
  ASSERT_OK_AND_ASSIGN(const std::string der, PublicKeyDer(key));
  EXPECT_EQ(cert.public_key_der, der);
  EXPECT_GT(cert.not_after, absl::Now() + absl::Hours(9));
  EXPECT_LT(cert.not_before, absl::Now());
}

TEST(PkiTest, PinIsOverThePublicKeyAsKubeadmCountsIt) {
  // openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum
  constexpr char kCa[] = R"(-----BEGIN CERTIFICATE-----
MIIDBTCCAe2gAwIBAgIIGfktRoRK05gwDQYJKoZIhvcNAQELBQAwFTETMBEGA1UE
AxMKa3ViZXJuZXRlczAeFw0yNjExMjMxMzE3MzJaFw0zNjExMjAxMzIyMzJaMBUx
EzARBgNVBAMTCmt1YmVybmV0ZXMwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEK
AoIBAQDXWjUTqHewLKCc67KKj4pEMRGKhqnvt+jWltIxnU1MAUYPV1nwvzRilwti
KUwy5LU5lYD2D1wakhBGoJCng03pPe+ZQ70bCUuDrpJNM/GyyLmadWvARIRm57Qs
DAgBQ0ophmVxQQ/7B7IkgUwKpbQ062nETGib0X7DXfVl7K9HJrdDiGhHCGmOdX6F
xN0FmyqYDSiPvIFs7O7FLQZS0GNq1GOaCkfacvhm2JT7sk2uurBrpMAHjpaZfzSF
9eksIMJAsx9a6mDV1I5Cx1jZPs7AyKw4oELQPL/fO1OKhBBR5bOILixe7eOnrsMa
pduoVPJ2BQ3RdKzSfgyM1WuNmex9AgMBAAGjWTBXMA4GA1UdDwEB/wQEAwICpDAP
BgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBSGFh/hHayPXYAjWDxMxo769/c0bDAV
BgNVHREEDjAMggprdWJlcm5ldGVzMA0GCSqGSIb3DQEBCwUAA4IBAQCXFAh6lek9
4oYm+u00gYz22vLdiDuPxqtgJXEjlU5053uMfKdXME54tp0aA3jlsUl9GnZf2mrh
XYW6LrAzD8BSti+ZF2e2ev/edPx+um5Seabf/j7Kho7r+doPk66bKsRal5JPLxsL
nzEJ6wGeblsQ+9Q9KuuGpgCiIN9Ek4/zRzHnImgaRm25Vn2lYUDJV8ZRB3wUqZVb
raMuypDFjcD08zIYD94ssxx90M6EZclTjtZdDD/7l/KDEW794HY4tTRgtxN0ALBk
d5tajbJMTiaWn7i8gj1fPWUlKC2mlONLEEwa3vTrbJgShseEZulojG7QZGXyC/5K
1WpqQ6Jq0JQ4
-----END CERTIFICATE-----
)";
  ASSERT_OK_AND_ASSIGN(const auto pins, SpkiPins(kCa));
  EXPECT_THAT(
      pins,
      ElementsAre(
          "sha256:"
          "4cc73dd41e0d804ed87eb87217beadc856e41b4af910680eab26be9f9b4b3e39"));
  EXPECT_THAT(SpkiPins("nothing"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PkiTest, SameKeyAsksForTheSameObject) {
  ASSERT_OK_AND_ASSIGN(const std::string key, NewKey());
  ASSERT_OK_AND_ASSIGN(const std::string other, NewKey());
  const Subject subject = NodeSubject("n1");
  ASSERT_OK_AND_ASSIGN(const auto name, CsrName(key, subject, "client auth"));
  EXPECT_THAT(name, StartsWith("node-csr-"));
  EXPECT_EQ(name.size(), strlen("node-csr-") + 43);
  EXPECT_EQ(CsrName(key, subject, "client auth").value(), name);
  EXPECT_NE(CsrName(other, subject, "client auth").value(), name);
  EXPECT_NE(CsrName(key, NodeSubject("n2"), "client auth").value(), name);
  EXPECT_NE(CsrName(key, subject, "server auth").value(), name);
}

TEST(PkiTest, RenewsBetweenSeventyAndNinetyPercent) {
  const absl::Time begin = absl::FromUnixSeconds(1000000);
  const absl::Time end = begin + absl::Hours(100);
  EXPECT_EQ(RenewalTime(begin, end, 0), begin + absl::Hours(70));
  EXPECT_NEAR(absl::ToDoubleHours(RenewalTime(begin, end, 1) - begin), 90,
              0.001);
}

TEST(PkiTest, GarbageIsAnError) {
  EXPECT_THAT(
      ParseCertificate("x"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("certificate")));
  EXPECT_THAT(PublicKeyDer("x"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(KeyOf(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace agent::join
