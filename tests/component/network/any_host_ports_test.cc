// SPDX-License-Identifier: Apache-2.0
// Host ports of both networks: who reaches the pod, and who is refused.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "runtime/base/activity.h"
#include "tests/component/network/either_network.h"
#include "tests/component/network/host_ports_fixture.h"

namespace cri::network {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using tests::Datagrams;
using tests::NetNs;
using tests::Server;
using tests::Shell;
using tests::StatusIs;

class AnyHostPortTest : public WithHostPort<tests::EitherNetworkTest> {};

INSTANTIATE_TEST_SUITE_P(Networks, AnyHostPortTest, tests::kBothNetworks,
                         tests::NameOfKind);

TEST_P(AnyHostPortTest, AnswersOnEveryAddressOfTheNode) {
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

TEST_P(AnyHostPortTest, PodsReachEachOtherAndThemselvesThroughTheNode) {
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
  EXPECT_EQ(server.Accept(), Seen(ips[0], "10.123.7.1"));
  EXPECT_TRUE(From(neighbour, "fd00:123:7::1"));
  EXPECT_EQ(server.Accept(), Seen(ips[1], "fd00:123:7::1"));
}

TEST_P(AnyHostPortTest, HostIpNarrowsItToOneAddress) {
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

TEST_P(AnyHostPortTest, TakenPortNamesItsOwner) {
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
  // A repeated call of the holder is no conflict.
  EXPECT_OK(SetUpPod(PodWithPort("a", pod)));
  Teardown("a");
  EXPECT_OK(SetUpPod(PodWithPort("b", late)));
}

// As a pod that comes for the port of one that is being stopped.
class SuccessorTest : public AnyHostPortTest {
 protected:
  void SetUp() override {
    AnyHostPortTest::SetUp();
    if (IsSkipped()) return;
    Start();
    const PodNetwork first = PodWithPort("a", pod_);
    ASSERT_OK(SetUpPod(first));
    BeginStop(first);
    successor_ = std::thread([this] {
      node_.Run([this] {
        const runtime::activity::Operation operation("RunPodSandbox", "web/b");
        outcome_ = network_->Setup(PodWithPort("b", late_)).status();
      });
    });
    EXPECT_TRUE(tests::Eventually([] {
      const auto operations = runtime::activity::List();
      return !operations.empty() &&
             absl::StrContains(operations[0].step, "waits for ");
    }));
  }
  virtual void BeginStop(const PodNetwork& pod) { network_->Expect(pod); }
  absl::Status Outcome() {
    successor_.join();
    return outcome_;
  }

  NetNs pod_, late_;
  absl::Status outcome_;
  std::thread successor_;
};

INSTANTIATE_TEST_SUITE_P(Networks, SuccessorTest, tests::kBothNetworks,
                         tests::NameOfKind);

TEST_P(SuccessorTest, GetsThePortWhenItIsGivenBack) {
  Teardown("a");
  EXPECT_OK(Outcome());
}

TEST_P(SuccessorTest, IsRefusedIfTheStopFails) {
  network_->PutOff("a");
  EXPECT_THAT(Outcome(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("host port 12000/TCP is held by pod web/a")));
}

TEST_P(SuccessorTest, IsRefusedIfAProcessTookThePortMeanwhile) {
  NodeShell("ip link set lo up");
  Server listener(node_, kHostPort);
  Teardown("a");
  EXPECT_THAT(Outcome(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr(absl::StrCat("pid ", getpid()))));
  NetNs third;
  EXPECT_THAT(SetUpPod(PodWithPort("c", third)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr(absl::StrCat("pid ", getpid()))))
      << "the claim of one that was refused is no claim";
}

TEST_P(SuccessorTest, DoesNotKeepTheServerFromEnding) {
  network_->Stop();
  EXPECT_THAT(Outcome(), StatusIs(absl::StatusCode::kCancelled));
}

// The server was killed while it stopped the pod.
class SuccessorAfterARestartTest : public SuccessorTest {
 protected:
  void BeginStop(const PodNetwork& pod) override {
    network_.reset();
    Start();
    PodNetwork stopping = pod;
    stopping.stopping = true;
    OnNode([&] {
      network_->Recover({stopping});
      network_->Collect();
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Networks, SuccessorAfterARestartTest,
                         tests::kBothNetworks, tests::NameOfKind);

TEST_P(SuccessorAfterARestartTest, GetsThePortWhenItIsGivenBack) {
  Teardown("a");
  EXPECT_OK(Outcome());
}

TEST_P(SuccessorAfterARestartTest, IsRefusedIfTheStopFails) {
  network_->PutOff("a");
  EXPECT_THAT(Outcome(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("host port 12000/TCP is held by pod web/a")));
}

TEST_P(AnyHostPortTest, ListeningProcessIsNotRobbed) {
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

TEST_P(AnyHostPortTest, UdpFollowsThePod) {
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

TEST_P(AnyHostPortTest, UdpIsAnsweredByTheAddressThatWasAsked) {
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
      {neighbour, "10.123.7.1", Seen(ips[0], "10.123.7.1")},
      {neighbour, "fd00:123:7::1", Seen(ips[1], "fd00:123:7::1")},
  };
  for (const auto& c : kCases) {
    Datagrams client(c.from);
    client.Send(c.asked, kHostPort);
    EXPECT_EQ(server.Answer(), c.seen) << c.asked;
    EXPECT_EQ(client.Sender(), c.asked) << c.seen;
  }
}

}  // namespace
}  // namespace cri::network
