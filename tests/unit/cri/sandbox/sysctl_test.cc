// SPDX-License-Identifier: Apache-2.0
#include "cri/sandbox/sysctl.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::sandbox {
namespace {

using ::testing::HasSubstr;
using ::tests::IsOk;
using ::tests::StatusIs;

absl::Status Check(const std::string& name, const std::string& value,
                   bool host_network = false, bool host_ipc = false) {
  SysctlMap map;
  map[name] = value;
  return ValidateSysctls(map, host_network, host_ipc).status();
}

TEST(SysctlTest, TakesWhatBelongsToThePod) {
  EXPECT_THAT(Check("kernel.shm_rmid_forced", "1"), IsOk());
  EXPECT_THAT(Check("fs.mqueue.msg_max", "100"), IsOk());
  EXPECT_THAT(Check("kernel.sem", "250 32000 100 128"), IsOk());
  EXPECT_THAT(Check("net.ipv4.ip_local_port_range", "1024\t65535"), IsOk());
  EXPECT_THAT(Check("net/ipv4/ip_forward", "1"), IsOk());
}

TEST(SysctlTest, RefusesWhatWouldChangeTheHost) {
  for (const char* name :
       {"kernel.core_pattern", "kernel.hostname", "vm.swappiness",
        "kernel.modprobe", "fs.file-max", "user.max_user_namespaces"}) {
    EXPECT_THAT(Check(name, "1"), StatusIs(absl::StatusCode::kInvalidArgument))
        << name;
  }
  EXPECT_FALSE(Check("net.ipv4.ip_forward", "1", true, false).ok());
  EXPECT_FALSE(Check("kernel.shmmax", "1", false, true).ok());
}

TEST(SysctlTest, Cve2022_0811_ValueCannotSmuggleASecondSysctl) {
  for (const char* value :
       {"1+kernel.core_pattern=|/evil", "1\nkernel.core_pattern=x",
        "1 kernel.core_pattern=x", "1=2", "../../kernel/core_pattern", " 1",
        "1 ", "", "1\\n", "\t"}) {
    EXPECT_THAT(Check("kernel.shm_rmid_forced", value),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << value;
  }
}

TEST(SysctlTest, OneInBothSpellingsIsAContradiction) {
  SysctlMap map;
  map["net.ipv4.ip_forward"] = "0";
  map["net/ipv4/ip_forward"] = "1";
  EXPECT_THAT(ValidateSysctls(map, false, false),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"net.ipv4.ip_forward\" is given twice")));
}

TEST(SysctlTest, RefusesNamesThatAreNoNames) {
  for (const char* name :
       {"", ".", "net..ipv4", "net/../kernel/core_pattern", "net.ipv4/x.y",
        "net.ipv4.", ".net", "net.ipv4 x", "net.\n", "/net/ipv4"}) {
    EXPECT_THAT(Check(name, "1"), StatusIs(absl::StatusCode::kInvalidArgument))
        << name;
  }
}

}  // namespace
}  // namespace cri::sandbox
