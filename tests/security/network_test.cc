// SPDX-License-Identifier: Apache-2.0
// What a pod must not be able to do to the node and to other pods by network.
#include <string>

#include "tests/component/network/either_network.h"
#include "tests/component/network/traffic.h"

namespace cri::network {
namespace {

using tests::Connects;
using tests::Datagrams;
using tests::NetNs;
using tests::Server;
using tests::Shell;

// A packet that is dropped is not waited for long.
constexpr int kShortPatience = 300;

class NetworkSecurityTest : public tests::EitherNetworkTest {
 protected:
  // A pod with a host port: by CNI it is what makes the node route packets for
  // its loopback.
  void SetUpPodWithPort(const NetNs& ns) {
    PodNetwork pod = tests::Pod("a", ns.fd());
    pod.ports.push_back({Protocol::kTcp, 80, 12000, ""});
    ASSERT_OK(SetUpPod(pod));
  }
  void FlushGuard() {
    const char* table =
        IsCni() ? "coracle-cni-localnet-guard" : "coracle-ntest0";
    EXPECT_EQ(NodeShell(absl::StrCat("nft flush chain inet ", table, " guard")),
              "");
  }
  // A pod whose 127.0.0.1 is the node's: it has the privilege for its own
  // namespace, or makes the packets by hand.
  static void RouteLoopbackToNode(const NetNs& pod) {
    pod.Run([] {
      ASSERT_TRUE(Shell("sysctl -qw net.ipv4.conf.all.route_localnet=1 &&"
                        "ip addr flush dev lo &&"
                        "ip route add 127.0.0.1 via 10.123.7.1 dev eth0")
                      .ok);
    });
  }
  static bool Reaches(const NetNs& pod, const std::string& ip) {
    bool reaches = false;
    pod.Run(
        [&] { reaches = Connects(ip, false, tests::kPort, kShortPatience); });
    return reaches;
  }
};

// Host ports on 127.0.0.1 need route_localnet, which lets packets from a pod
// reach what listens on the node's loopback only.
TEST_P(NetworkSecurityTest, Cve2020_8558_PodTalksToLoopbackOfNode) {
  Start();
  NodeShell("ip link set lo up");
  NetNs pod;
  SetUpPodWithPort(pod);
  RouteLoopbackToNode(pod);
  Server secret(node_, tests::kPort, "127.0.0.1");
  EXPECT_FALSE(Reaches(pod, "127.0.0.1"));
  EXPECT_EQ(secret.Accept(0), "");
  // It is the guard that stops it.
  FlushGuard();
  EXPECT_TRUE(Reaches(pod, "127.0.0.1"));
}

// The other direction: a pod that says it is the node itself, to a node that
// takes its own addresses from outside (accept_local, for load balancers).
TEST_P(NetworkSecurityTest, Cve2020_8558_PodClaimsToBeLoopbackOfNode) {
  Start();
  NodeShell("ip link set lo up");
  NetNs pod;
  SetUpPodWithPort(pod);
  pod.Run([] {
    ASSERT_TRUE(Shell("sysctl -qw net.ipv4.conf.all.route_localnet=1 &&"
                      "ip route add 192.0.2.77 via 10.123.7.1 src 127.0.0.1")
                    .ok);
  });
  NodeShell(
      absl::StrCat("ip addr add 192.0.2.77/32 dev lo;"
                   "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.",
                   LinkToPods(), ".accept_local=1 net.ipv4.conf.", LinkToPods(),
                   ".rp_filter=0"));
  Datagrams trusting(node_, tests::kPort);
  Datagrams liar(pod);
  liar.Send("192.0.2.77", tests::kPort);
  EXPECT_EQ(trusting.Sender(kShortPatience), "");
  FlushGuard();
  liar.Send("192.0.2.77", tests::kPort);
  EXPECT_EQ(trusting.Sender(), "127.0.0.1");
}

// Whoever flushes all rules takes the guard away until the next pod that has a
// use for it.
TEST_P(NetworkSecurityTest, Cve2020_8558_GuardComesBackWithTheNextHostPort) {
  Start();
  NodeShell("ip link set lo up");
  NetNs pod, other;
  SetUpPodWithPort(pod);
  RouteLoopbackToNode(pod);
  NodeShell("nft flush ruleset");
  PodNetwork next = tests::Pod("b", other.fd());
  next.ports.push_back({Protocol::kTcp, 80, 12001, ""});
  ASSERT_OK(SetUpPod(next));
  Server secret(node_, tests::kPort, "127.0.0.1");
  EXPECT_FALSE(Reaches(pod, "127.0.0.1"));
}

INSTANTIATE_TEST_SUITE_P(Networks, NetworkSecurityTest, tests::kBothNetworks,
                         tests::NameOfKind);

class RouterSecurityTest : public tests::NetworkTest {};

// A pod that advertises itself as router would get the traffic of those who
// believe it.
TEST_F(RouterSecurityTest, Cve2020_10749_PodClaimsToBeRouter) {
  options_.pod_cidr = "10.123.7.0/24,fd00:123:7::/64";
  Start();
  NetNs pod;
  ASSERT_OK(SetUpPod("a", pod));
  EXPECT_EQ(NodeShell("cat /proc/sys/net/ipv6/conf/ntest0/accept_ra"), "0\n");
  pod.Run([] {
    EXPECT_EQ(Shell("cat /proc/sys/net/ipv6/conf/eth0/accept_ra").output,
              "0\n");
  });
}

}  // namespace
}  // namespace cri::network
