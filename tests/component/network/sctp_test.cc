// SPDX-License-Identifier: Apache-2.0
// SCTP host ports of both networks, where the kernel speaks SCTP.
#include <memory>
#include <string>
#include <vector>

#include "tests/component/network/either_network.h"
#include "tests/component/network/host_ports_fixture.h"
#include "tests/component/network/sctp.h"

namespace cri::network {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::NetNs;
using tests::SctpClient;
using tests::SctpServer;
using tests::StatusIs;

class SctpTest : public WithHostPort<tests::EitherNetworkTest> {
 protected:
  void SetUp() override {
    WithHostPort::SetUp();
    if (!tests::KernelHasSctp()) GTEST_SKIP() << "The kernel has no SCTP.";
  }
  static PodNetwork SctpPod(const std::string& id, const NetNs& ns,
                            const std::string& host_ip = "") {
    return PodWithPort(id, ns, Protocol::kSctp, host_ip);
  }
  // As whom `server` sees a client that asks and gets an answer; "" if not.
  static std::string Talk(SctpServer& server, const NetNs& from,
                          const std::string& asked) {
    SctpClient client(from);
    if (!client.Ask(asked, kHostPort)) return "";
    const std::string seen = server.Answer();
    return client.IsAnswered() ? seen : "";
  }
  static bool IsClosed(const NetNs& from, const std::string& asked) {
    return !SctpClient(from).Ask(asked, kHostPort);
  }
};

INSTANTIATE_TEST_SUITE_P(Networks, SctpTest, tests::kBothNetworks,
                         tests::NameOfKind);

TEST_P(SctpTest, PortAnswersOnEveryAddressOfTheNode) {
  Start();
  NetNs world, pod;
  ConnectWorld(world);
  NodeShell("ip link set lo up; ip -6 addr add 2001:db8::1/64 dev up0 nodad");
  world.Run([] { tests::Shell("ip -6 addr add 2001:db8::2/64 dev w0 nodad"); });
  ASSERT_OK(SetUpPod(SctpPod("a", pod)));
  SctpServer server(pod);
  EXPECT_EQ(Talk(server, node_, "127.0.0.1"), "10.123.7.1");
  EXPECT_EQ(Talk(server, node_, "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(Talk(server, node_, "fd00:123:7::1"), "fd00:123:7::1");
  // From outside the client's own address arrives.
  EXPECT_EQ(Talk(server, world, "192.0.2.1"), "192.0.2.2");
  EXPECT_EQ(Talk(server, world, "2001:db8::1"), "2001:db8::2");
}

TEST_P(SctpTest, PodsReachEachOtherAndThemselvesThroughTheNode) {
  Start();
  NetNs pod, neighbour;
  ASSERT_OK(SetUpPod(SctpPod("a", pod)));
  const std::vector<std::string> ips = *SetUpPod("b", neighbour);
  SctpServer server(pod);
  EXPECT_EQ(Talk(server, neighbour, "10.123.7.1"), Seen(ips[0], "10.123.7.1"));
  EXPECT_EQ(Talk(server, neighbour, "fd00:123:7::1"),
            Seen(ips[1], "fd00:123:7::1"));
  EXPECT_EQ(Talk(server, pod, "10.123.7.1"), "10.123.7.1");
  EXPECT_EQ(Talk(server, pod, "fd00:123:7::1"), "fd00:123:7::1");
}

TEST_P(SctpTest, TeardownClosesThePort) {
  Start();
  NodeShell("ip link set lo up");
  NetNs world, pod;
  ConnectWorld(world);
  ASSERT_OK(SetUpPod(SctpPod("a", pod, "192.0.2.1")));
  SctpServer server(pod);
  EXPECT_EQ(Talk(server, world, "192.0.2.1"), "192.0.2.2");
  EXPECT_TRUE(IsClosed(node_, "127.0.0.1"));  // another address
  EXPECT_THAT(Rules(), HasSubstr("12000"));
  Teardown("a");
  EXPECT_TRUE(IsClosed(world, "192.0.2.1"));
  EXPECT_TRUE(IsClosed(node_, "192.0.2.1"));
  EXPECT_THAT(Rules(), Not(HasSubstr("12000")));
}

TEST_P(SctpTest, ListeningProcessIsNotRobbed) {
  Start();
  NodeShell("ip link set lo up; ip addr add 10.9.9.9/32 dev lo");
  NetNs pod;
  {
    SctpServer listener(node_, kHostPort);
    EXPECT_THAT(SetUpPod(SctpPod("a", pod)),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr("host port 12000/SCTP is held by "),
                               HasSubstr(absl::StrCat("pid ", getpid())))));
  }
  SctpServer listener(node_, kHostPort, "127.0.0.1");
  listener.BindToo("10.9.9.9", kHostPort);
  for (const std::string ip : {"127.0.0.1", "10.9.9.9"}) {
    EXPECT_THAT(SetUpPod(SctpPod("a", pod, ip)),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("listens on " + ip + " of the node")));
  }
  // Its addresses do not stop a pod from having the others.
  EXPECT_OK(SetUpPod(SctpPod("a", pod)));
}

// Such as signalling gateways, which are known by their port.
TEST_P(SctpTest, ClientThatKeepsItsPortFollowsThePod) {
  Start();
  NetNs world;
  ConnectWorld(world);
  const auto talks = [&](SctpServer& server) {
    SctpClient client(world, 2905);
    return client.Ask("192.0.2.1", kHostPort) &&
           server.Answer() == "192.0.2.2" && client.IsAnswered();
  };
  {
    // Without a pod the node itself is asked, and the kernel remembers that.
    SctpServer on_node(node_, kHostPort);
    EXPECT_TRUE(talks(on_node));
  }
  auto first = std::make_unique<NetNs>();
  ASSERT_OK(SetUpPod(SctpPod("a", *first)));
  {
    SctpServer server(*first);
    EXPECT_TRUE(talks(server));
  }
  Teardown("a");
  first.reset();
  NetNs second;
  ASSERT_OK(SetUpPod(SctpPod("b", second)));
  SctpServer server(second);
  EXPECT_TRUE(talks(server));
}

}  // namespace
}  // namespace cri::network
