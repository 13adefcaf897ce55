// SPDX-License-Identifier: Apache-2.0
#include "cri/network/ip.h"

#include <string>

#include "tests/support/status_matchers.h"

namespace cri::network {
namespace {

using tests::StatusIs;

Ip At(const char* text) { return ParseIp(text).value(); }

TEST(IpTest, ReadsBothFamilies) {
  EXPECT_EQ(At("10.0.0.1").ToString(), "10.0.0.1");
  EXPECT_EQ(At("fd00:0::1").ToString(), "fd00::1");
  for (const char* bad : {"", "10.0.0", "10.0.0.1/8", "g::", " 10.0.0.1"}) {
    EXPECT_THAT(ParseIp(bad), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_FALSE(ParseIp(std::string("10.0.0.1\0x", 10)).ok());
}

TEST(IpTest, AMappedAddressIsTheIPv4Address) {
  EXPECT_EQ(At("::ffff:10.0.0.1"), At("10.0.0.1"));
  EXPECT_TRUE(At("::10.0.0.1").v6());
  EXPECT_TRUE(At("::1:ffff:10.0.0.1").v6());
  const uint8_t mapped[16] = {0, 0, 0,    0,    0,  0, 0, 0,
                              0, 0, 0xff, 0xff, 10, 0, 0, 1};
  EXPECT_EQ(IpFromWire(mapped), At("10.0.0.1"));
}

TEST(IpTest, IsOnTheWireAsItIsRead) {
  for (const char* text : {"0.0.0.0", "10.1.2.3", "::", "fd00:1::2"}) {
    EXPECT_EQ(IpFromWire(At(text).wire()), At(text));
  }
  EXPECT_EQ(At("10.1.2.3").wire(), (std::vector<uint8_t>{10, 1, 2, 3}));
  const uint8_t short_one[3] = {1, 2, 3};
  EXPECT_EQ(IpFromWire(short_one), Ip());
}

TEST(IpTest, CountsAcrossBytes) {
  EXPECT_EQ(At("10.0.0.255").Next(), At("10.0.1.0"));
  EXPECT_EQ(At("10.0.1.0").Previous(), At("10.0.0.255"));
  EXPECT_EQ(At("fd00::ffff").Next(), At("fd00::1:0"));
  EXPECT_EQ(At("255.255.255.255").Next(), At("0.0.0.0"));
  EXPECT_EQ(At("0.0.0.0").Previous(), At("255.255.255.255"));
  EXPECT_EQ(At("::").Previous(), Ip::Any(Family::kV6).Filled(0));
}

TEST(IpTest, HasAPrefixAndARest) {
  EXPECT_EQ(At("10.1.5.9").Masked(20), At("10.1.0.0"));
  EXPECT_EQ(At("10.1.5.9").Filled(20), At("10.1.15.255"));
  EXPECT_EQ(At("10.1.5.9").Masked(32), At("10.1.5.9"));
  EXPECT_EQ(At("10.1.5.9").Masked(0), At("0.0.0.0"));
  EXPECT_EQ(At("fd00::1").Masked(0), At("::"));
  EXPECT_EQ(At("fd00:1::1").Masked(32), At("fd00:1::"));
  EXPECT_EQ(At("fd00::1").Filled(128), At("fd00::1"));
}

TEST(IpTest, FamiliesAreApartAndInOrder) {
  EXPECT_LT(At("255.255.255.255"), At("::"));
  EXPECT_NE(Ip::Any(Family::kV4), Ip::Any(Family::kV6));
}

TEST(IpTest, TellsWhatIsOfUseOutside) {
  for (const char* yes : {"10.0.0.1", "fd00::1", "2001:db8::1", "fec0::1"}) {
    EXPECT_TRUE(At(yes).IsGlobalUnicast()) << yes;
  }
  for (const char* no :
       {"127.0.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0", "239.1.1.1",
        "255.255.255.255", "::", "::1", "fe80::1", "febf::1", "ff02::1"}) {
    EXPECT_FALSE(At(no).IsGlobalUnicast()) << no;
  }
}

}  // namespace
}  // namespace cri::network
