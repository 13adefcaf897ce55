// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/request.h"

#include "tests/support/status_matchers.h"

namespace cri::network::cni {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

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
