// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace agent::command {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(ProbesTest, NamesMissingCapabilities) {
  EXPECT_THAT(MissingCapabilities("CapEff:\t000001ffffffffff\n"), IsEmpty());
  EXPECT_THAT(MissingCapabilities("CapEff:\t000001fffeffffff\n"),
              ElementsAre("CAP_SYS_RESOURCE"));
  EXPECT_THAT(MissingCapabilities("CapEff:\t0\n"), Contains("CAP_SYS_ADMIN"));
}

TEST(ProbesTest, NamesLimitsThatAreTooLow) {
  const auto findings = CheckSysctls([](const std::string& name) -> int64_t {
    if (name == "fs/inotify/max_user_instances") return 128;
    if (name == "user/max_user_namespaces") return 0;
    if (name == "kernel/pid_max") return 4194304;
    if (name == "net/bridge/bridge-nf-call-iptables") return 1;
    return -1;
  });
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].verdict, Verdict::kLimited);
  EXPECT_EQ(findings[0].help, "sysctl -w fs.inotify.max_user_instances=8192");
  EXPECT_EQ(findings[1].subject, "user.max_user_namespaces");
}

TEST(ProbesTest, TellsAMissingModuleFromASwitchThatIsOff) {
  std::vector<Finding> findings = CheckSysctls([](auto&) { return -1; });
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].verdict, Verdict::kLimited);
  EXPECT_EQ(findings[0].subject, "br_netfilter");
  EXPECT_THAT(findings[0].help, HasSubstr("modprobe br_netfilter"));
  findings = CheckSysctls([](const std::string& name) -> int64_t {
    return name == "net/bridge/bridge-nf-call-iptables" ? 0 : 1 << 30;
  });
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].subject, "net.bridge.bridge-nf-call-iptables");
  EXPECT_EQ(findings[0].help, "sysctl -w net.bridge.bridge-nf-call-iptables=1");
}

TEST(ProbesTest, SaysWhatAKernelWithoutNftablesMeans) {
  EXPECT_EQ(CheckNftables(0, true).verdict, Verdict::kGood);
  // So answers a kernel that knows other netfilter messages.
  Finding finding = CheckNftables(EINVAL, false);
  EXPECT_EQ(finding.verdict, Verdict::kMissing);
  EXPECT_EQ(finding.text,
            "not in this kernel (Invalid argument): no pod gets a network");
  EXPECT_THAT(finding.help, HasSubstr("modprobe nf_tables"));
  finding = CheckNftables(EINVAL, true);
  EXPECT_EQ(finding.verdict, Verdict::kLimited);
  EXPECT_THAT(finding.text, HasSubstr("pods with host ports are refused"));
  finding = CheckNftables(EPERM, true);
  EXPECT_THAT(finding.text, HasSubstr("not allowed here"));
  EXPECT_THAT(finding.help, Not(HasSubstr("modprobe")));
}

TEST(ProbesTest, FindsTheMountThatAPathIsOn) {
  const char kMounts[] =
      "20 1 8:1 / / rw shared:1 - ext4 /dev/vda rw\n"
      "21 20 8:2 / /var rw - ext4 /dev/vdb rw\n";
  EXPECT_TRUE(IsShared(kMounts, "/srv"));
  EXPECT_FALSE(IsShared(kMounts, "/var/lib/kubelet"));
  EXPECT_TRUE(IsShared(kMounts, "/variable"));
}

}  // namespace
}  // namespace agent::command
