// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_cgroup_driver.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace agent::command {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::Status Answers() { return absl::OkStatus(); }
absl::Status Silent() { return absl::UnavailableError("systemd: silent"); }

Finding Look(const char* driver, bool booted, absl::Status (*reach)()) {
  ::cri::config::Config config;
  config.cgroup_driver = driver;
  return CgroupDriverFinding(config, booted, reach);
}

TEST(CgroupDriverFindingTest, SystemdThatAnswersIsGood) {
  const Finding finding = Look("systemd", true, Answers);
  EXPECT_EQ(finding.verdict, Verdict::kGood);
  EXPECT_THAT(finding.text, HasSubstr("answers"));
  EXPECT_THAT(finding.help, IsEmpty());
}

TEST(CgroupDriverFindingTest, SystemdThatDoesNotAnswerIsMissing) {
  const Finding finding = Look("systemd", true, Silent);
  EXPECT_EQ(finding.verdict, Verdict::kMissing);
  EXPECT_EQ(finding.text, "systemd: silent");
  EXPECT_THAT(finding.help, HasSubstr("systemctl"));
}

TEST(CgroupDriverFindingTest, SystemdThatIsNotProcessOneIsMissing) {
  const Finding finding = Look("systemd", false, Silent);
  EXPECT_EQ(finding.verdict, Verdict::kMissing);
  EXPECT_THAT(finding.help, HasSubstr("not process 1"));
  EXPECT_THAT(finding.help, HasSubstr("cgroup_driver: cgroupfs"));
}

TEST(CgroupDriverFindingTest, CgroupfsBesideSystemdGetsAHint) {
  const Finding finding = Look("cgroupfs", true, Silent);
  EXPECT_EQ(finding.verdict, Verdict::kLimited);
  EXPECT_THAT(finding.help, HasSubstr("cgroup_driver: systemd"));
}

TEST(CgroupDriverFindingTest, CgroupfsWithoutSystemdIsGood) {
  const Finding finding = Look("cgroupfs", false, Silent);
  EXPECT_EQ(finding.verdict, Verdict::kGood);
  EXPECT_EQ(finding.text, "cgroupfs");
}

}  // namespace
}  // namespace agent::command
