// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/request.h"

#include "tests/support/status_matchers.h"

namespace cri::network::cni {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

TEST(RequestTest, ReadsQuantitiesAsKubernetesDoes) {
  const struct {
    const char* text;
    std::optional<uint64_t> value;
  } kRows[] = {
      {"0", 0},          {"10", 10},    {"1k", 1000},
      {"10M", 10000000}, {"1Ki", 1024}, {"1.5Gi", 1610612736},
      {"2e3", 2000},     {"1500m", 2},  {"1P", 1000000000000000},
      {"", {}},          {"-1", {}},    {"M", {}},
      {"1x", {}},        {"0x10", {}},  {"inf", {}},
      {"nan", {}},       {"1e99", {}},  {"1 k", {}},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(ParseQuantity(row.text), row.value) << row.text;
  }
}

TEST(RequestTest, RefusesABandwidthThatIsNone) {
  PodNetwork pod;
  for (const char* bad : {"fast", "999", "2P", ""}) {
    pod.annotations = {{"kubernetes.io/egress-bandwidth", bad}};
    EXPECT_THAT(Capabilities(pod, {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("kubernetes.io/egress-bandwidth")));
  }
}

TEST(RequestTest, LeavesOutWhatIsEmpty) {
  ASSERT_OK_AND_ASSIGN(const runtime::Json none, Capabilities({}, {}));
  EXPECT_EQ(none.dump(), "{}");
}

TEST(RequestTest, NamesCannotBecomeFurtherArguments) {
  for (const char* bad : {"a;IP=10.0.0.1", "a=b", "a\nb"}) {
    PodNetwork pod{.sandbox_id = "id", .pod_namespace = bad};
    EXPECT_THAT(CniArgs(pod), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("K8S_POD_NAMESPACE")));
  }
}

}  // namespace
}  // namespace cri::network::cni
