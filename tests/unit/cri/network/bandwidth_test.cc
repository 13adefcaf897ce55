// SPDX-License-Identifier: Apache-2.0
#include "cri/network/bandwidth.h"

#include <string>

#include "tests/support/status_matchers.h"

namespace cri::network {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using tests::StatusIs;

TEST(BandwidthTest, ReadsQuantities) {
  const struct {
    const char* text;
    uint64_t bits;
  } kRows[] = {
      {"1k", 1000},
      {"64000", 64000},
      {"10M", 10'000'000},
      {"1.5G", 1'500'000'000},
      {"1Ki", 1024},
      {"2Mi", 2097152},
      {"1e6", 1'000'000},
      {"1000500m", 1001},
      {"1P", 1'000'000'000'000'000},
  };
  for (const auto& row : kRows) {
    ASSERT_OK_AND_ASSIGN(const Bandwidth bandwidth,
                         ParseBandwidth({{kIngressBandwidth, row.text}}));
    EXPECT_EQ(bandwidth.ingress, row.bits) << row.text;
    EXPECT_EQ(bandwidth.egress, 0u);
  }
}

TEST(BandwidthTest, RefusesWithAnnotationAndValue) {
  for (const char* text : {"", "fast", "10X", "M", "999", "2P", "-1M", "1..5M",
                           "1M 2M", "nan", "1e999", "10MM"}) {
    EXPECT_THAT(ParseBandwidth({{kEgressBandwidth, text}}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(kEgressBandwidth),
                               HasSubstr(std::string("\"") + text + "\""))))
        << text;
  }
}

TEST(BandwidthTest, OtherAnnotationsLimitNothing) {
  ASSERT_OK_AND_ASSIGN(const Bandwidth bandwidth,
                       ParseBandwidth({{"kubernetes.io/bandwidth", "1M"}}));
  EXPECT_EQ(bandwidth.ingress, 0u);
  EXPECT_EQ(bandwidth.egress, 0u);
}

}  // namespace
}  // namespace cri::network
