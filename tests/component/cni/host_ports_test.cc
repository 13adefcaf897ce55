// SPDX-License-Identifier: Apache-2.0
// Host ports by CNI, as far as they are not the plugins' business.
#include <string>
#include <vector>

#include "cri/network/loopback_guard.h"
#include "tests/component/cni/network_fixture.h"

namespace cri::network {
namespace {

using testing::HasSubstr;
using testing::Not;
using tests::NetNs;
using tests::Shell;
using tests::StatusIs;

TEST_F(CniNetworkTest, RefusesAHostPortThatAPodHas) {
  WriteFakes();
  Write("conf/10-net.conflist", kConf);
  pod_network_.ports = {{Protocol::kTcp, 80, 8080, ""}};
  Start();
  ASSERT_OK(AddPod());
  const PodNetwork first = pod_network_;
  NetNs other;
  pod_network_.sandbox_id = "b2";
  pod_network_.name = "other";
  pod_network_.netns_fd = other.fd();
  const auto is_refused =
      StatusIs(absl::StatusCode::kFailedPrecondition,
               absl::StrCat("host port 8080/TCP is held by pod ",
                            first.pod_namespace, "/", first.name));
  EXPECT_THAT(AddPod(), is_refused);
  EXPECT_THAT(Text("calls"), Not(HasSubstr("ADD b2")));
  network_.reset();
  Start();
  Sweep({first});
  EXPECT_THAT(AddPod(), is_refused);
  EXPECT_OK(RemovePod(first.sandbox_id));
  EXPECT_OK(AddPod());
}

TEST_F(CniNetworkTest, LoopbackIsGuardedFromAListWithPortsUntilDown) {
  const auto tables = [this] {
    std::string output;
    node_.Run([&] { output = Shell("nft list tables").output; });
    return output;
  };
  WriteFakes();
  Write("conf/10-net.conflist", R"({"cniVersion": "1.0.0", "name": "net",
        "plugins": [{"type": "first"}]})");
  Start();
  EXPECT_TRUE(Ready().ready);
  EXPECT_EQ(tables(), "");
  // Programs may leave route_localnet behind too.
  network_.reset();
  Write("conf/10-net.conflist", kConf);
  Start();
  EXPECT_TRUE(Ready().ready);
  EXPECT_EQ(tables(), "table inet coracle-cni-localnet-guard\n");
  network_.reset();
  EXPECT_EQ(tables(), "table inet coracle-cni-localnet-guard\n");
  node_.Run([] {
    EXPECT_OK(RemoveLoopbackGuard());
    EXPECT_OK(RemoveLoopbackGuard());
  });
  EXPECT_EQ(tables(), "");
}

}  // namespace
}  // namespace cri::network
