// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/plugin/ranges.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace cri::network::cni {
namespace {

using testing::ElementsAre;
using testing::StartsWith;
using tests::IsOk;
using tests::StatusIs;

absl::StatusOr<HostLocalConf> Parse(const std::string& ipam) {
  return ParseHostLocal(*runtime::ParseJson(
      absl::StrCat(R"({"name": "n", "ipam": )", ipam, "}"), "request"));
}

// The addresses in the order in which they are tried.
std::vector<std::string> Order(const RangeSet& set, const char* last) {
  std::vector<std::string> order;
  std::optional<Ip> from;
  if (last != nullptr) from = ParseIp(last).value();
  EXPECT_EQ(set.Walk(from,
                     [&](const Range&, const Ip& ip) -> absl::StatusOr<bool> {
                       order.push_back(ip.ToString());
                       return false;
                     })
                .value(),
            false);
  return order;
}

TEST(RangesTest, GoRoundRobinThroughAllRangesOfASet) {
  ASSERT_OK_AND_ASSIGN(const HostLocalConf conf, Parse(R"({"ranges": [[
    {"subnet": "10.0.0.0/29", "rangeEnd": "10.0.0.4"},
    {"subnet": "10.0.1.0/30"}]]})"));
  ASSERT_EQ(conf.sets.size(), 1u);
  const RangeSet& set = conf.sets[0];
  EXPECT_EQ(set.ToString(), "10.0.0.1-10.0.0.4,10.0.1.1-10.0.1.2");
  EXPECT_THAT(Order(set, nullptr),
              ElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.1.2"));
  EXPECT_THAT(Order(set, "10.0.0.3"),
              ElementsAre("10.0.0.4", "10.0.1.2", "10.0.0.2", "10.0.0.3"));
  EXPECT_THAT(Order(set, "10.0.1.2"),
              ElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.1.2"));
  // One that the configuration no longer has.
  EXPECT_THAT(Order(set, "192.0.2.1"),
              ElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.1.2"));
}

TEST(RangesTest, OldFormComesFirst) {
  ASSERT_OK_AND_ASSIGN(const HostLocalConf conf, Parse(R"({
    "subnet": "10.3.0.0/16", "gateway": "10.3.9.9",
    "ranges": [[{"subnet": "fd00::/64"}]]})"));
  ASSERT_EQ(conf.sets.size(), 2u);
  EXPECT_EQ(conf.sets[0].ranges[0].gateway.ToString(), "10.3.9.9");
  EXPECT_EQ(conf.sets[1].ToString(), "fd00::1-fd00::ffff:ffff:ffff:ffff");
}

TEST(RangesTest, ErrorsNameTheField) {
  const struct {
    const char* ipam;
    const char* error;
  } kRows[] = {
      {"{}", "ipam.ranges: no ranges"},
      {"[]", "ipam: expected an object"},
      {R"({"ranges": [[{}]]})", "ipam.ranges[0][0].subnet: is missing"},
      {R"({"ranges": [{}]})", "ipam.ranges[0]: expected a list"},
      {R"({"ranges": [[]]})", "ipam.ranges[0]: an empty range set"},
      {R"({"subnet": "10.0.0.0/31"})",
       "ipam.subnet: network 10.0.0.0/31 is too"},
      {R"({"subnet": "10.0.0.1/24"})", "ipam.subnet: host bits are set"},
      {R"({"subnet": "10.0.0.0/24", "rangeEnd": "10.0.1.1"})",
       "ipam.rangeEnd: 10.0.1.1 is not in network"},
      {R"({"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.9",
           "rangeEnd": "10.0.0.8"})",
       "ipam.rangeEnd: 10.0.0.8 is before rangeStart"},
      {R"({"ranges": [[{"subnet": "10.0.0.0/24"}, {"subnet": "fd00::/64"}]]})",
       "ipam.ranges[0]: mixed address families"},
      {R"({"ranges": [[{"subnet": "10.0.0.0/24"}, {"subnet": "10.0.0.0/25"}]]})",
       "ipam.ranges[0]: subnets 10.0.0.0/24 and 10.0.0.0/25 overlap"},
      {R"({"ranges": [[{"subnet": "10.0.0.0/24"}],
                      [{"subnet": "10.0.0.0/25"}]]})",
       "ipam.ranges: range set 0 overlaps with 1"},
      {R"({"subnet": "10.0.0.0/24", "routes": [{"dst": "x"}]})",
       "ipam.routes[0].dst: "},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.ipam);
    EXPECT_THAT(Parse(row.ipam), StatusIs(absl::StatusCode::kInvalidArgument,
                                          StartsWith(row.error)));
  }
}

}  // namespace
}  // namespace cri::network::cni
