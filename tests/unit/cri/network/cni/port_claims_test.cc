// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/port_claims.h"

#include "tests/support/status_matchers.h"

namespace cri::network::cni {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

PodNetwork Pod(const std::string& name, std::vector<PortMapping> ports) {
  return {.sandbox_id = name + "-1",
          .name = name,
          .pod_namespace = "default",
          .ports = std::move(ports)};
}

PortMapping Port(const std::string& host_ip) {
  return {Protocol::kTcp, 80, 8080, host_ip};
}

TEST(PortClaimsTest, RefusesByPortAndOwnerUntilItIsFree) {
  PortClaims claims;
  ASSERT_OK(claims.Hold(Pod("web", {Port("")})));
  ASSERT_OK(claims.Hold(Pod("web", {Port("")})));  // a repeated call
  const PodNetwork other = Pod("other", {Port("192.0.2.1")});
  EXPECT_THAT(claims.Hold(other),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "host port 8080/TCP on 192.0.2.1 is held by pod "
                       "default/web"));
  claims.Free("other-1");
  EXPECT_FALSE(claims.Hold(other).ok());
  claims.Free("web-1");
  EXPECT_OK(claims.Hold(other));
}

TEST(PortClaimsTest, KnowsTheLivingAfterARestart) {
  PortClaims claims;
  claims.Restore({Pod("web", {Port("")}), Pod("plain", {})});
  EXPECT_THAT(claims.Hold(Pod("other", {Port("")})),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("default/web")));
}

TEST(PortClaimsTest, BothHaveAPortThatTwoHadBeforeARestart) {
  const PodNetwork other = Pod("other", {Port("192.0.2.1")});
  for (const char* first : {"a-1", "b-1"}) {
    PortClaims claims;
    claims.Restore({Pod("a", {Port("")}), Pod("b", {Port("")})});
    claims.Free(first);
    EXPECT_FALSE(claims.Hold(other).ok()) << first;
    claims.Free("a-1");
    claims.Free("b-1");
    EXPECT_OK(claims.Hold(other));
  }
}

}  // namespace
}  // namespace cri::network::cni
