// SPDX-License-Identifier: Apache-2.0
// Host ports of the built-in network: who reaches the pod, and who is refused.
#include <linux/netlink.h>

#include <memory>
#include <string>
#include <vector>

#include "cri/network/nat.h"
#include "tests/component/network/fixture.h"
#include "tests/component/network/traffic.h"

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

constexpr uint16_t kHostPort = 12000;

class HostPortTest : public tests::NetworkTest {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    options_.pod_cidr = "10.123.7.0/24,fd00:123:7::/64";
  }

  static PodNetwork PodWithPort(const std::string& id, const NetNs& ns,
                                Protocol protocol = Protocol::kTcp,
                                const std::string& host_ip = "") {
    PodNetwork pod = tests::Pod(id, ns.fd());
    pod.pod_namespace = "web";
    pod.name = id;
    pod.ports.push_back({protocol, tests::kPort, kHostPort, host_ip});
    return pod;
  }
  bool FromNode(const std::string& ip, int patience = tests::kPatience) {
    bool connects = false;
    OnNode([&] { connects = Connects(ip, false, kHostPort, patience); });
    return connects;
  }
  static bool From(const NetNs& ns, const std::string& ip,
                   int patience = tests::kPatience) {
    bool connects = false;
    ns.Run([&] { connects = Connects(ip, false, kHostPort, patience); });
    return connects;
  }
  std::string Rules() { return NodeShell("nft list ruleset"); }
};

TEST_F(HostPortTest, AnswersOnEveryAddressOfTheNode) {
  Start();
  NetNs world, pod;
  ConnectWorld(world);
  ASSERT_OK(SetUpPod(PodWithPort("a", pod)));
  NodeShell("ip link set lo up; ip -6 addr add 2001:db8::1/64 dev up0 nodad");
  world.Run([] { Shell("ip -6 addr add 2001:db8::2/64 dev w0 nodad"); });
  Server server(pod);
  EXPECT_TRUE(FromNode("127.0.0.1"));
  EXPECT_EQ(server.Accept(), "10.123.7.1");
  EXPECT_TRUE(FromNode("127.0.0.53"));
  EXPECT_EQ(server.Accept(), "10.123.7.1");
  EXPECT_TRUE(FromNode("192.0.2.1"));
  EXPECT_EQ(server.Accept(), "192.0.2.1");
  EXPECT_TRUE(FromNode("fd00:123:7::1"));
  EXPECT_EQ(server.Accept(), "fd00:123:7::1");
  // From outside the client's own address arrives.
  EXPECT_TRUE(From(world, "192.0.2.1"));
  EXPECT_EQ(server.Accept(), "192.0.2.2");
  EXPECT_TRUE(From(world, "2001:db8::1"));
  EXPECT_EQ(server.Accept(), "2001:db8::2");
}

TEST_F(HostPortTest, PodsReachEachOtherAndThemselvesThroughTheNode) {
  Start();
  NetNs pod, neighbour;
  ASSERT_OK(SetUpPod(PodWithPort("a", pod)));
  const std::vector<std::string> ips = *SetUpPod("b", neighbour);
  Server server(pod);
  EXPECT_TRUE(From(pod, "10.123.7.1"));
  EXPECT_EQ(server.Accept(), "10.123.7.1");
  EXPECT_TRUE(From(pod, "fd00:123:7::1"));
  EXPECT_EQ(server.Accept(), "fd00:123:7::1");
  EXPECT_TRUE(From(neighbour, "10.123.7.1"));
  EXPECT_EQ(server.Accept(), ips[0]);
  EXPECT_TRUE(From(neighbour, "fd00:123:7::1"));
  EXPECT_EQ(server.Accept(), ips[1]);
}

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

TEST_F(HostPortTest, HostIpNarrowsItToOneAddress) {
  Start();
  NetNs world, pod, other;
  ConnectWorld(world);
  NodeShell("ip link set lo up");
  ASSERT_OK(SetUpPod(PodWithPort("a", pod, Protocol::kTcp, "127.0.0.1")));
  Server server(pod);
  EXPECT_TRUE(FromNode("127.0.0.1"));
  EXPECT_FALSE(FromNode("192.0.2.1"));
  EXPECT_FALSE(From(world, "192.0.2.1"));
  // The same port on another address, or of another protocol, is another one.
  ASSERT_OK(SetUpPod(PodWithPort("b", other, Protocol::kTcp, "192.0.2.1")));
  Server second(other);
  EXPECT_TRUE(From(world, "192.0.2.1"));
  EXPECT_EQ(second.Accept(), "192.0.2.2");
  NetNs third;
  EXPECT_OK(SetUpPod(PodWithPort("c", third, Protocol::kUdp, "127.0.0.1")));
}

TEST_F(HostPortTest, TakenPortNamesItsOwner) {
  Start();
  NetNs pod, late;
  ASSERT_OK(SetUpPod(PodWithPort("a", pod)));
  EXPECT_THAT(SetUpPod(PodWithPort("b", late)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("host port 12000/TCP is held by pod web/a")));
  EXPECT_THAT(SetUpPod(PodWithPort("b", late, Protocol::kTcp, "10.123.7.1")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("host port 12000/TCP on 10.123.7.1 is held "
                                 "by pod web/a")));
  EXPECT_EQ(Leases().size(), 2u);
  // A repeated call of the holder is no conflict.
  EXPECT_OK(SetUpPod(PodWithPort("a", pod)));
  Teardown("a");
  EXPECT_OK(SetUpPod(PodWithPort("b", late)));
}

TEST_F(HostPortTest, ListeningProcessIsNotRobbed) {
  Start();
  NodeShell("ip link set lo up");
  NetNs pod;
  {
    Server listener(node_, kHostPort);
    EXPECT_THAT(SetUpPod(PodWithPort("a", pod)),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr("host port 12000/TCP is held by "),
                               HasSubstr(absl::StrCat("pid ", getpid())))));
    EXPECT_OK(SetUpPod(PodWithPort("udp", pod, Protocol::kUdp)));
    Teardown("udp");
  }
  {
    Server listener(node_, kHostPort, "127.0.0.53");
    NetNs second;
    EXPECT_THAT(
        SetUpPod(PodWithPort("b", second, Protocol::kTcp, "127.0.0.53")),
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 HasSubstr("listens on 127.0.0.53 of the node")));
    // One on a single address does not stop a pod from having the others.
    EXPECT_OK(SetUpPod(PodWithPort("b", second)));
  }
}

TEST_F(HostPortTest, UdpFollowsThePod) {
  Start();
  NodeShell("ip link set lo up");
  NetNs world;
  ConnectWorld(world);
  Datagrams client(world);
  // Without a pod the node itself is asked, and the kernel remembers that.
  {
    Datagrams on_node(node_, kHostPort);
    client.Send("192.0.2.1", kHostPort);
    EXPECT_EQ(on_node.Answer(), "192.0.2.2");
    EXPECT_EQ(client.Sender(), "192.0.2.1");
  }
  auto first = std::make_unique<NetNs>();
  ASSERT_OK(SetUpPod(PodWithPort("a", *first, Protocol::kUdp)));
  {
    Datagrams server(*first, tests::kPort);
    client.Send("192.0.2.1", kHostPort);
    EXPECT_EQ(server.Answer(), "192.0.2.2");
    EXPECT_EQ(client.Sender(), "192.0.2.1");
  }
  Teardown("a");
  first.reset();
  NetNs second;
  ASSERT_OK(SetUpPod(PodWithPort("b", second, Protocol::kUdp)));
  Datagrams server(second, tests::kPort);
  client.Send("192.0.2.1", kHostPort);
  EXPECT_EQ(server.Answer(), "192.0.2.2");
  EXPECT_EQ(client.Sender(), "192.0.2.1");
}

TEST_F(HostPortTest, UdpIsAnsweredByTheAddressThatWasAsked) {
  Start();
  NodeShell("ip link set lo up");
  NetNs pod, neighbour;
  ASSERT_OK(SetUpPod(PodWithPort("a", pod, Protocol::kUdp)));
  const std::vector<std::string> ips = *SetUpPod("b", neighbour);
  Datagrams server(pod, tests::kPort);
  const struct {
    const NetNs& from;
    std::string asked, seen;
  } kCases[] = {
      {node_, "127.0.0.1", "10.123.7.1"},
      {node_, "10.123.7.1", "10.123.7.1"},
      {node_, "fd00:123:7::1", "fd00:123:7::1"},
      {pod, "10.123.7.1", "10.123.7.1"},
      {pod, "fd00:123:7::1", "fd00:123:7::1"},
      {neighbour, "10.123.7.1", ips[0]},
      {neighbour, "fd00:123:7::1", ips[1]},
  };
  for (const auto& c : kCases) {
    Datagrams client(c.from);
    client.Send(c.asked, kHostPort);
    EXPECT_EQ(server.Answer(), c.seen) << c.asked;
    EXPECT_EQ(client.Sender(), c.asked) << c.seen;
  }
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
