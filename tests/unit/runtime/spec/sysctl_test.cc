// SPDX-License-Identifier: Apache-2.0
#include "runtime/spec/sysctl.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace runtime::spec {
namespace {

using tests::IsOkAndHolds;
using tests::StatusIs;

TEST(SysctlTest, EveryNameBelongsToOneNamespaceOrIsRefused) {
  EXPECT_THAT(SysctlNamespace("net.ipv4.ip_forward"),
              IsOkAndHolds(NamespaceKind::kNetwork));
  EXPECT_THAT(SysctlNamespace("net/ipv4/conf/eth0.1/rp_filter"),
              IsOkAndHolds(NamespaceKind::kNetwork));
  EXPECT_THAT(SysctlNamespace("kernel.shm_rmid_forced"),
              IsOkAndHolds(NamespaceKind::kIpc));
  EXPECT_THAT(SysctlNamespace("fs.mqueue.msg_max"),
              IsOkAndHolds(NamespaceKind::kIpc));
  EXPECT_THAT(SysctlNamespace("kernel.domainname"),
              IsOkAndHolds(NamespaceKind::kUts));
  for (const char* name :
       {"kernel.core_pattern", "vm.swappiness", "kernel.shmmax2", "net", "",
        "net.", ".net.x", "net..x", "net.x=y", "net.x+kernel.y", "net x",
        "net.ipv4/../x", "net./.kernel", "net.a//b", "/net/x"}) {
    EXPECT_THAT(SysctlNamespace(name),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << name;
  }
}

TEST(SysctlTest, ASlashWithinANameStandsForADot) {
  EXPECT_EQ(SysctlFile("net.ipv4.conf.eth0/1.rp_filter"),
            "net/ipv4/conf/eth0.1/rp_filter");
  EXPECT_EQ(SysctlFile("net/ipv4/conf/eth0.1/x"), "net/ipv4/conf/eth0.1/x");
}

TEST(SysctlTest, ValuesAreWordsAndNumbers) {
  for (const char* value :
       {"1", "1024 65535", "250\t32000\t32\t128", "bbr", ""}) {
    EXPECT_TRUE(IsSysctlValue(value)) << value;
  }
  for (const char* value : {"1+kernel.x=2", "1\n2", "|/evil", "a=b", "%p"}) {
    EXPECT_FALSE(IsSysctlValue(value)) << value;
  }
}

}  // namespace
}  // namespace runtime::spec
