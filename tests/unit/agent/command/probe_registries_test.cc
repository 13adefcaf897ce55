// SPDX-License-Identifier: Apache-2.0
#include "agent/command/probe_registries.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace agent::command {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::tests::IsOk;

class RegistriesTest : public ::testing::Test {
 protected:
  RegistriesTest() { config_.registry_config_dir = dir_.path() + "/certs.d"; }

  void Write(const std::string& host, const std::string& text) {
    const std::string dir = config_.registry_config_dir + "/" + host;
    ASSERT_THAT(runtime::MakeDirs(dir, 0755), IsOk());
    ASSERT_THAT(runtime::WriteFileAtomic(dir + "/hosts.toml", text), IsOk());
  }

  ::tests::TempDir dir_;
  ::cri::config::Config config_;
};

TEST_F(RegistriesTest, SaysThatNoneIsConfigured) {
  const std::vector<Finding> findings = ProbeRegistries(config_);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].verdict, Verdict::kGood);
  EXPECT_EQ(findings[0].subject, "registries");
  EXPECT_THAT(findings[0].text,
              HasSubstr("no hosts.toml in " + config_.registry_config_dir));
}

TEST_F(RegistriesTest, AsksTheMirrorsOfAllRegistries) {
  Write("_default", "[host.\"http://127.0.0.1:1\"]\n");
  const std::vector<Finding> findings = ProbeRegistries(config_);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].verdict, Verdict::kLimited);
  EXPECT_EQ(findings[0].subject, "registry _default");
  EXPECT_THAT(findings[0].text, HasSubstr("no answer: http://127.0.0.1:1/v2"));
  EXPECT_THAT(findings[0].text, Not(HasSubstr("https://_default")));
}

TEST_F(RegistriesTest, AsksNobodyForADefaultWithoutHosts) {
  Write("_default", "skip_verify = false\n");
  const std::vector<Finding> findings = ProbeRegistries(config_);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].verdict, Verdict::kGood);
  EXPECT_THAT(findings[0].text, HasSubstr("names no host"));
}

TEST_F(RegistriesTest, NamesAFileThatCannotBeRead) {
  Write("broken.example", "server = 7\n");
  const std::vector<Finding> findings = ProbeRegistries(config_);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].verdict, Verdict::kMissing);
  EXPECT_THAT(findings[0].text, HasSubstr("broken.example/hosts.toml"));
}

TEST_F(RegistriesTest, ADirectoryMayHaveThePort) {
  EXPECT_EQ(RegistryOf("mirror.example"), "mirror.example");
  EXPECT_EQ(RegistryOf("mirror.example:5000"), "mirror.example:5000");
  EXPECT_EQ(RegistryOf("mirror.example_5000_"), "mirror.example:5000");
  EXPECT_EQ(RegistryOf("mirror.example_5000"), "mirror.example:5000");
  EXPECT_EQ(RegistryOf("my_mirror"), "my_mirror");
  EXPECT_EQ(RegistryOf("_default"), "_default");
}

}  // namespace
}  // namespace agent::command
