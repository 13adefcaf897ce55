// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_handlers.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace agent::command {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(HandlerFindingsTest, SayNothingOfTheBuiltInOne) {
  EXPECT_THAT(HandlerFindings({}, true), IsEmpty());
}

TEST(HandlerFindingsTest, TellWhatIsThereAndWhatIsNot) {
  ::cri::config::Config config;
  config.handlers["gone"].path = "/no/such/runc";
  config.handlers["shell"].path = "/bin/sh";
  const std::vector<Finding> findings = HandlerFindings(config, true);
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings[0].verdict, Verdict::kLimited);
  EXPECT_EQ(findings[0].subject, "handler gone");
  EXPECT_EQ(findings[0].text, "/no/such/runc: No such file or directory");
  EXPECT_THAT(findings[0].help, HasSubstr("handlers.gone.path"));
  EXPECT_EQ(findings[1].verdict, Verdict::kGood);
  EXPECT_EQ(findings[1].text, "/bin/sh");
}

}  // namespace
}  // namespace agent::command
