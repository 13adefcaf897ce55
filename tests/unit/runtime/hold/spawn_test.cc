// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/spawn.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace runtime::hold {
namespace {

using ::testing::Not;
using ::tests::IsOk;

TEST(CheckSysctlTest, NamespacedOnesOfThePodAreAllowed) {
  EXPECT_THAT(CheckSysctl("net.ipv4.ip_forward", "1", kNewNetwork), IsOk());
  EXPECT_THAT(CheckSysctl("kernel.shm_rmid_forced", "1", kNewIpc), IsOk());
  EXPECT_THAT(CheckSysctl("kernel.sem", "32000 1024000000 500 32000", kNewIpc),
              IsOk());
  EXPECT_THAT(CheckSysctl("fs.mqueue.msg_max", "100", kNewIpc), IsOk());
}

TEST(CheckSysctlTest, Cve2022_0811_NothingElseGetsThrough) {
  struct {
    const char *name, *value;
    uint32_t flags;
  } const cases[] = {
      {"net.ipv4.ip_forward", "1", kNewIpc},
      {"kernel.shmmax", "1", kNewNetwork},
      {"kernel.core_pattern", "|/evil", kNewIpc | kNewNetwork},
      {"net/../kernel/core_pattern", "x", kNewNetwork},
      {"net...kernel.core_pattern", "x", kNewNetwork},
      {"net.a/b", "x", kNewNetwork},
      {"kernel.shm_rmid_forced", "1\nkernel.core_pattern=x", kNewIpc},
      {"kernel.shm_rmid_forced+kernel.core_pattern", "x", kNewIpc},
      {"kernel.shm_rmid_forced", "", kNewIpc},
      {"", "1", kNewIpc},
      {"vm.swappiness", "1", kNewIpc | kNewNetwork},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(CheckSysctl(c.name, c.value, c.flags), Not(IsOk())) << c.name;
  }
}

}  // namespace
}  // namespace runtime::hold
