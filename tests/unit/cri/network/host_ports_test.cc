// SPDX-License-Identifier: Apache-2.0
#include "cri/network/host_ports.h"

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace cri::network {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::StatusIs;

class ForwardsTest : public testing::Test {
 protected:
  static PodNetwork WithHostIp(const std::string& host_ip) {
    PodNetwork pod;
    pod.ports.push_back({Protocol::kUdp, 53, 5353, host_ip});
    return pod;
  }
  const Ip v4_ = *ParseIp("10.1.2.3");
  const Ip v6_ = *ParseIp("fd00::3");
};

TEST_F(ForwardsTest, PortWithoutAddressIsOneOfEachFamily) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Forward> forwards,
                       ForwardsOf(WithHostIp(""), {v4_, v6_}));
  EXPECT_THAT(
      forwards,
      ElementsAre(Forward{Protocol::kUdp, 5353, std::nullopt, v4_, 53},
                  Forward{Protocol::kUdp, 5353, std::nullopt, v6_, 53}));
}

TEST_F(ForwardsTest, AnyAddressOfAFamilyIsThatFamilyOnly) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Forward> v4,
                       ForwardsOf(WithHostIp("0.0.0.0"), {v4_, v6_}));
  EXPECT_THAT(
      v4, ElementsAre(Forward{Protocol::kUdp, 5353, std::nullopt, v4_, 53}));
  ASSERT_OK_AND_ASSIGN(const std::vector<Forward> v6,
                       ForwardsOf(WithHostIp("::"), {v4_, v6_}));
  EXPECT_THAT(
      v6, ElementsAre(Forward{Protocol::kUdp, 5353, std::nullopt, v6_, 53}));
}

TEST_F(ForwardsTest, RefusesAddressesThatCannotWork) {
  const struct {
    const char* host_ip;
    const char* reason;
  } kRows[] = {
      {"::1", "does not route from ::1"},
      {"somewhere", "\"somewhere\" is not an IP address"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(
        ForwardsOf(WithHostIp(row.host_ip), {v4_, v6_}),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.reason)))
        << row.host_ip;
  }
  EXPECT_THAT(ForwardsOf(WithHostIp("192.0.2.1"), {v6_}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no address of that family")));
}

}  // namespace
}  // namespace cri::network
