// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_checkpoint.h"

#include "gmock/gmock.h"

namespace agent::command {
namespace {

using ::testing::HasSubstr;

TEST(CheckpointFindingTest, SaysWhyThereAreNone) {
  const Finding finding =
      CheckpointFinding(absl::UnimplementedError("install criu"));
  EXPECT_EQ(finding.verdict, Verdict::kLimited);
  EXPECT_EQ(finding.subject, "checkpoints");
  EXPECT_EQ(finding.text, "install criu");
}

TEST(CheckpointFindingTest, NamesTheVersionThatWorks) {
  const Finding finding =
      CheckpointFinding(::runtime::checkpoint::Criu{"/criu", "3.17.1", true});
  EXPECT_EQ(finding.verdict, Verdict::kGood);
  EXPECT_THAT(finding.text, HasSubstr("3.17.1"));
}

}  // namespace
}  // namespace agent::command
