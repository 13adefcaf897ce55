// SPDX-License-Identifier: Apache-2.0
#include "cri/config/config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace cri::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::tests::StatusIs;

TEST(ExplainTest, TellsEachKeyWithItsMeaningAndDefault) {
  ASSERT_OK_AND_ASSIGN(std::string all, Explain(""));
  for (const Key& key : Keys()) {
    EXPECT_STRNE(key.help, "") << key.name;
    EXPECT_NE(key.expects, "") << key.name;
    EXPECT_THAT(all, HasSubstr(std::string(key.name) + "\n    " + key.help));
    for (const Key& part : key.parts) {
      EXPECT_THAT(all, HasSubstr(part.help)) << part.name;
    }
  }
}

TEST(ExplainTest, TellsOneKey) {
  ASSERT_OK_AND_ASSIGN(std::string text, Explain("parallel_downloads"));
  EXPECT_EQ(text,
            "parallel_downloads\n"
            "    layers of an image fetched at once\n"
            "    a number from 1 to 64; default 3\n"
            "    a change is taken over by coracle config reload; also "
            "--parallel-downloads\n");
  ASSERT_OK_AND_ASSIGN(text, Explain("root"));
  EXPECT_THAT(text, HasSubstr("needs a restart"));
}

TEST(ExplainTest, TellsPartsOfAMapByAnyName) {
  ASSERT_OK_AND_ASSIGN(std::string text, Explain("handlers.runc.path"));
  EXPECT_THAT(text, HasSubstr("handlers.runc.path\n    binary of"));
  ASSERT_OK_AND_ASSIGN(text, Explain("handlers"));
  EXPECT_THAT(text, HasSubstr("handlers.NAME.annotations"));
}

TEST(ExplainTest, UnknownKeyComesWithTheNearest) {
  EXPECT_THAT(Explain("brigde"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("unknown key \"brigde\"; did you mean "
                                 "\"bridge\"?")));
  EXPECT_THAT(Explain("handlers.runc.rot"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("did you mean \"root\"?")));
}

TEST(ShowTest, WhatIsShownCanBeReadAgain) {
  ASSERT_OK_AND_ASSIGN(
      Config config,
      Parse("pod_cidr: fd00::/64\nhandlers: {runc: {path: /r, args: [a]}}\n",
            "c.yaml", {{"mtu", "1400"}}));
  std::string text = Show(ToJson(config), config.origins);
  EXPECT_THAT(text, HasSubstr("pod_cidr: \"fd00::/64\"  # c.yaml:1\n"));
  EXPECT_THAT(text, HasSubstr("mtu: 1400  # --mtu\n"));
  EXPECT_THAT(text, HasSubstr("bridge: coracle0  # default\n"));
  // Empty words may not be given for paths, so only what differs is read back.
  std::string given;
  for (const Key& key : Keys()) {
    if (ToJson(config)[key.name] != key.preset) {
      size_t at = text.find(std::string(key.name) + ": ");
      given += text.substr(at, text.find('\n', at) + 1 - at);
    }
  }
  ASSERT_OK_AND_ASSIGN(Config again, Parse(given, "again", {}));
  EXPECT_EQ(ToJson(again), ToJson(config));
}

TEST(ReloadTest, OnlyLiveKeysAreTakenOver) {
  ASSERT_OK_AND_ASSIGN(Config running, Parse("root: /a\n", "c.yaml", {}));
  ASSERT_OK_AND_ASSIGN(
      Config fresh,
      Parse("log_level: debug\nroot: /b\nmtu: 9\n", "c.yaml", {}));
  EXPECT_THAT(Changed(running, fresh, Reload::kLive), ElementsAre("log_level"));
  EXPECT_THAT(Changed(running, fresh, Reload::kRestart),
              ElementsAre("root", "mtu"));
  Config merged = Merged(running, fresh);
  EXPECT_EQ(merged.log_level, "debug");
  EXPECT_EQ(merged.root, "/a");
  EXPECT_EQ(merged.mtu, 0);
  EXPECT_EQ(merged.origins["root"], "c.yaml:1");
  EXPECT_EQ(merged.origins.count("mtu"), 0u);
  EXPECT_THAT(Changed(running, running, Reload::kLive), IsEmpty());
}

}  // namespace
}  // namespace cri::config
