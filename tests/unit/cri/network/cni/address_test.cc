// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/spec/address.h"

#include <string>

#include "tests/support/status_matchers.h"

namespace cri::network::cni {
namespace {

using tests::StatusIs;

Ip At(const char* text) { return Ip::Parse(text).value(); }

TEST(AddressTest, ReadsBothFamilies) {
  EXPECT_EQ(At("10.0.0.1").ToString(), "10.0.0.1");
  EXPECT_EQ(At("fd00:0::1").ToString(), "fd00::1");
  EXPECT_EQ(At("::ffff:10.0.0.1"), At("10.0.0.1"));
  for (const char* bad : {"", "10.0.0", "10.0.0.1/8", "g::", " 10.0.0.1"}) {
    EXPECT_THAT(Ip::Parse(bad), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_FALSE(Ip::Parse(std::string("10.0.0.1\0x", 10)).ok());
}

TEST(AddressTest, CountsAcrossBytes) {
  EXPECT_EQ(At("10.0.0.255").Next(), At("10.0.1.0"));
  EXPECT_EQ(At("10.0.1.0").Previous(), At("10.0.0.255"));
  EXPECT_EQ(At("fd00::ffff").Next(), At("fd00::1:0"));
}

TEST(AddressTest, KnowsNetworks) {
  const IpNet net = IpNet::Parse("10.1.5.9/20").value();
  EXPECT_EQ(net.Network(), At("10.1.0.0"));
  EXPECT_EQ(net.ip.Filled(20), At("10.1.15.255"));
  EXPECT_TRUE(net.Contains(At("10.1.15.1")));
  EXPECT_FALSE(net.Contains(At("10.1.16.1")));
  EXPECT_FALSE(net.Contains(At("fd00::1")));
  for (const char* bad : {"10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "::/129",
                          "10.0.0.1/-1", "10.0.0.1/ 8", "/8"}) {
    EXPECT_FALSE(IpNet::Parse(bad).ok()) << bad;
  }
}

TEST(AddressTest, TellsWhatIsOfUseOutside) {
  for (const char* yes : {"10.0.0.1", "fd00::1", "2001:db8::1"}) {
    EXPECT_TRUE(At(yes).IsGlobalUnicast()) << yes;
  }
  for (const char* no : {"127.0.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0",
                         "255.255.255.255", "::1", "fe80::1", "ff02::1"}) {
    EXPECT_FALSE(At(no).IsGlobalUnicast()) << no;
  }
}

}  // namespace
}  // namespace cri::network::cni
