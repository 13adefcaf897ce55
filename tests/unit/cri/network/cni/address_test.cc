// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/address.h"

#include "tests/support/status_matchers.h"

namespace cri::network::cni {
namespace {

Ip At(const char* text) { return ParseIp(text).value(); }

TEST(AddressTest, KnowsNetworks) {
  const IpNet net = IpNet::Parse("10.1.5.9/20").value();
  EXPECT_EQ(net.Network(), At("10.1.0.0"));
  EXPECT_TRUE(net.Contains(At("10.1.15.1")));
  EXPECT_FALSE(net.Contains(At("10.1.16.1")));
  EXPECT_FALSE(net.Contains(At("fd00::1")));
  for (const char* bad : {"10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "::/129",
                          "10.0.0.1/-1", "10.0.0.1/ 8", "/8"}) {
    EXPECT_FALSE(IpNet::Parse(bad).ok()) << bad;
  }
}

TEST(AddressTest, ReadsLinkAddresses) {
  const std::vector<uint8_t> mac = {0x02, 0x00, 0x5e, 0x10, 0xAB, 0xff};
  for (const char* good :
       {"02:00:5e:10:ab:ff", "02-00-5E-10-AB-FF", "0200.5e10.abff"}) {
    EXPECT_THAT(ParseMac(good), tests::IsOkAndHolds(mac)) << good;
  }
  for (const char* bad :
       {"", "02", "02005e10abff", "02:00:5e:10:ab", "02:00:5e:10:ab-ff",
        "02:00:5e:10:ab:fg", "0200:5e10:abff", "02.00.5e.10.ab.ff",
        "02:00:5e:10:ab:ff:00:00", "02:00:5e:10:ab:f "}) {
    EXPECT_FALSE(ParseMac(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace cri::network::cni
