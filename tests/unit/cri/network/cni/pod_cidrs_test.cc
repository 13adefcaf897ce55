// SPDX-License-Identifier: Apache-2.0
#include "cri/network/cni/pod_cidrs.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::network::cni {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PodCidrsTest, TheNextServerHasWhatThisOneWasTold) {
  tests::TempDir state;
  PodCidrs told(state.path(), "");
  EXPECT_OK(told.Set("10.1.0.0/24,fd00::/64"));
  const PodCidrs next(state.path(), "");
  EXPECT_THAT(next.Get(), ElementsAre("10.1.0.0/24", "fd00::/64"));
}

TEST(PodCidrsTest, ARepeatedCallAfterAFailedWriteIsKept) {
  tests::TempDir state;
  PodCidrs told(state.path(), "");
  ASSERT_OK(runtime::WriteFileAtomic(state / "network", "in the way"));
  EXPECT_FALSE(told.Set("10.1.0.0/24").ok());
  EXPECT_THAT(told.Get(), IsEmpty());
  ASSERT_OK(runtime::RemoveFile(state / "network"));
  EXPECT_OK(told.Set("10.1.0.0/24"));
  const PodCidrs next(state.path(), "");
  EXPECT_THAT(next.Get(), ElementsAre("10.1.0.0/24"));
}

}  // namespace
}  // namespace cri::network::cni
