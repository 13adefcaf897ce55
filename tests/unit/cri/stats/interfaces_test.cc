// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/interfaces.h"

#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cri::stats {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kDev[] =
    "Inter-|   Receive                            |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
    "    lo:      84       1    0    0    0     0          0         0       84"
    "       1    0    0    0     0       0          0\n"
    "  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n"
    "net1:0:5 6 7 8 0 0 0 0 9 10 11 12 0 0 0 0\n";

TEST(InterfacesTest, CountsBothWaysWithoutTheLoopback) {
  std::vector<Interface> interfaces = ParseInterfaces(kDev);
  ASSERT_THAT(interfaces, SizeIs(2));
  EXPECT_EQ(interfaces[0].name, "eth0");
  EXPECT_EQ(interfaces[0].received.bytes, 1000u);
  EXPECT_EQ(interfaces[0].received.packets, 10u);
  EXPECT_EQ(interfaces[0].received.errors, 1u);
  EXPECT_EQ(interfaces[0].received.dropped, 2u);
  EXPECT_EQ(interfaces[0].sent.bytes, 2000u);
  EXPECT_EQ(interfaces[0].sent.dropped, 4u);
  EXPECT_EQ(interfaces[1].name, "net1:0");
  EXPECT_EQ(interfaces[1].sent.errors, 11u);
  EXPECT_THAT(ParseInterfaces("eth0: 1 2\nnothing\n"), IsEmpty());
}

TEST(InterfacesTest, FindsTheDefaultRoute) {
  EXPECT_EQ(
      ParseDefaultRoute(
          "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
          "eth1\t0000010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
          "eth0\t00000000\t0100090A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"),
      "eth0");
  EXPECT_EQ(ParseDefaultRoute("Iface\tDestination\n"), "");
}

TEST(InterfacesTest, CountsSockets) {
  EXPECT_EQ(ParseSockets("sockets: used 17\nTCP: inuse 3\n"), 17u);
  EXPECT_EQ(ParseSockets("strange\n"), 0u);
}

TEST(PodProcTest, HolderThatIsGoneHasNothing) {
  PodProc none(0);
  EXPECT_THAT(none.Read(), IsEmpty());
  EXPECT_EQ(none.Sockets(), 0u);
  PodProc self(getpid());
  EXPECT_GT(self.Sockets(), 0u);
}

}  // namespace
}  // namespace cri::stats
