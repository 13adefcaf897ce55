// SPDX-License-Identifier: Apache-2.0
// Host ports of the built-in network: its rules and their life.
#include <linux/netlink.h>

#include <memory>
#include <string>
#include <vector>

#include "cri/network/nat.h"
#include "tests/component/network/host_ports_fixture.h"

namespace cri::network {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::Connects;
using tests::Datagrams;
using tests::NetNs;
using tests::Server;
using tests::Shell;
using tests::StatusIs;

using HostPortTest = WithHostPort<tests::NetworkTest>;

TEST_F(HostPortTest, NeighboursComeBackWithoutBridgeNetfilter) {
  Start();
  NetNs pod, neighbour;
  ASSERT_OK(SetUpPod(PodWithPort("a", pod)));
  ASSERT_OK(SetUpPod("b", neighbour));
  NodeShell(
      "sysctl -w net.bridge.bridge-nf-call-iptables=0 "
      "net.bridge.bridge-nf-call-ip6tables=0");
  NatOptions nat{"coracle-ntest0", "ntest0", *ParsePodCidrs(options_.pod_cidr)};
  nat.bridged_translated = false;
  OnNode([&] {
    ASSERT_OK_AND_ASSIGN(Socket socket, Socket::Open(NETLINK_NETFILTER));
    ASSERT_OK(InstallNat(socket, nat, {}));
  });
  Server server(pod);
  EXPECT_TRUE(From(neighbour, "10.123.7.1"));
  EXPECT_EQ(server.Accept(), "10.123.7.1");
  EXPECT_TRUE(From(neighbour, "fd00:123:7::1"));
  EXPECT_EQ(server.Accept(), "fd00:123:7::1");
}

TEST_F(HostPortTest, TeardownClosesThePort) {
  Start();
  NodeShell("ip link set lo up");
  NetNs pod;
  ASSERT_OK(SetUpPod(PodWithPort("a", pod)));
  EXPECT_THAT(Rules(), HasSubstr("tcp . 12000"));
  Teardown("a");
  Teardown("a");
  EXPECT_THAT(Rules(), Not(HasSubstr("12000")));
  EXPECT_THAT(Rules(), Not(HasSubstr("10.123.7.2")));
  EXPECT_FALSE(FromNode("127.0.0.1"));
}

TEST_F(HostPortTest, NobodyWaitsForOnePortWhoIsRefusedAnother) {
  Start();
  NetNs first, second, late;
  const PodNetwork stopping = PodWithPort("a", first);
  ASSERT_OK(SetUpPod(stopping));
  PodNetwork staying = PodWithPort("b", second);
  staying.ports[0].host_port = kHostPort + 1;
  ASSERT_OK(SetUpPod(staying));
  network_->Expect(stopping);
  PodNetwork both = PodWithPort("late", late);
  both.ports.push_back(staying.ports[0]);
  EXPECT_THAT(SetUpPod(both),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("host port 12001/TCP is held by pod web/b")));
}

TEST_F(HostPortTest, RestartKeepsPortsAndSweepsThoseOfTheDead) {
  Start();
  NodeShell("ip link set lo up");
  NetNs living_ns, dead_ns;
  const PodNetwork living = PodWithPort("living", living_ns);
  PodNetwork dead = PodWithPort("dead", dead_ns);
  dead.ports[0].host_port = kHostPort + 1;
  ASSERT_OK(SetUpPod(living));
  ASSERT_OK(SetUpPod(dead));
  network_.reset();  // as after kill -9: nothing is taken back
  Start();
  Server server(living_ns);
  EXPECT_TRUE(FromNode("127.0.0.1"));  // also before the sweep
  OnNode([&] { network_->Recover({living}); });
  EXPECT_TRUE(FromNode("127.0.0.1"));
  EXPECT_THAT(Rules(), Not(HasSubstr("12001")));
  NetNs late;
  EXPECT_THAT(SetUpPod(PodWithPort("late", late)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("held by pod web/living")));
  dead.sandbox_id = "next";
  dead.netns_fd = late.fd();
  EXPECT_OK(SetUpPod(dead));
}

// It had given its port to the other one before the server was killed.
TEST_F(HostPortTest, RestartDoesNotGiveThePortBackToAPodThatIsBeingStopped) {
  Start();
  NodeShell("ip link set lo up");
  NetNs stopping_ns, living_ns;
  PodNetwork stopping = PodWithPort("a", stopping_ns);
  const PodNetwork living = PodWithPort("b", living_ns);
  stopping.ports.clear();
  ASSERT_OK(SetUpPod(stopping));
  ASSERT_OK(SetUpPod(living));
  network_.reset();
  Start();
  stopping.ports = living.ports;
  stopping.stopping = true;
  OnNode([&] { network_->Recover({stopping, living}); });
  Server server(living_ns);
  EXPECT_TRUE(FromNode("127.0.0.1"));
}

TEST_F(HostPortTest, ComesBackAfterSomebodyFlushedAllRules) {
  Start();
  NodeShell("ip link set lo up");
  NetNs first, second;
  ASSERT_OK(SetUpPod(PodWithPort("a", first)));
  NodeShell("nft flush ruleset");
  PodNetwork pod = PodWithPort("b", second);
  pod.ports[0].host_port = kHostPort + 1;
  ASSERT_OK(SetUpPod(pod));
  Server server(first);
  EXPECT_TRUE(FromNode("127.0.0.1"));
  NodeShell("nft flush ruleset");
  Teardown("a");
  Teardown("b");
}

TEST_F(HostPortTest, ManyPortsAreNoListOfRules) {
  Start();
  NetNs pod;
  const std::string before = NodeShell("nft -a list ruleset | grep -c handle");
  PodNetwork many = PodWithPort("a", pod);
  for (uint16_t port = 20000; port < 21000; ++port) {
    many.ports.push_back({Protocol::kTcp, port, port, ""});
  }
  ASSERT_OK(SetUpPod(many));
  EXPECT_EQ(NodeShell("nft -a list ruleset | grep -c handle"), before);
  NodeShell("ip link set lo up");
  Server server(pod, 20999);
  OnNode([] { EXPECT_TRUE(Connects("127.0.0.1", false, 20999)); });
  Teardown("a");
  EXPECT_THAT(Rules(), Not(HasSubstr("20999")));
}

TEST_F(HostPortTest, FailedSetupLeavesNoPort) {
  Start();
  NetNs pod;
  pod.Run([] { ASSERT_TRUE(Shell("ip link add eth0 type bridge").ok); });
  EXPECT_THAT(SetUpPod(PodWithPort("a", pod)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Rules(), Not(HasSubstr("12000")));
  NetNs other;
  EXPECT_OK(SetUpPod(PodWithPort("b", other)));
}

TEST_F(HostPortTest, RefusesWhatNoAddressFits) {
  options_.pod_cidr = "10.123.7.0/24";
  Start();
  NetNs pod;
  EXPECT_THAT(SetUpPod(PodWithPort("a", pod, Protocol::kTcp, "2001:db8::1")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("host port 12000/TCP on 2001:db8::1: the pod "
                                 "has no address of that family")));
  EXPECT_OK(SetUpPod(PodWithPort("a", pod, Protocol::kTcp, "0.0.0.0")));
}

TEST_F(HostPortTest, SctpIsTranslated) {
  Start();
  NodeShell("ip link set lo up");
  NetNs pod;
  const auto set_up = SetUpPod(PodWithPort("a", pod, Protocol::kSctp));
  if (absl::IsUnimplemented(set_up.status())) {
    GTEST_SKIP() << set_up.status().message();
  }
  ASSERT_OK(set_up);
  EXPECT_THAT(Rules(), HasSubstr("sctp . 12000 : 10.123.7.2 . 8080"));
  EXPECT_OK(SetUpPod(PodWithPort("a", pod, Protocol::kSctp)));
}

}  // namespace
}  // namespace cri::network
