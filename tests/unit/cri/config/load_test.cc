// SPDX-License-Identifier: Apache-2.0
#include "cri/config/config.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::tests::StatusIs;

TEST(LoadTest, EmptyTextGivesTheDefaults) {
  ASSERT_OK_AND_ASSIGN(Config config, Parse("", "c.yaml", {}));
  EXPECT_EQ(config.listen, "unix:///run/coracle/coracle.sock");
  EXPECT_EQ(config.root, "/var/lib/coracle");
  EXPECT_EQ(config.state, "/run/coracle");
}

TEST(LoadTest, ReadsEveryKindOfValue) {
  ASSERT_OK_AND_ASSIGN(Config config, Parse("listen: unix:///tmp/x.sock\n"
                                            "masquerade: false\n"
                                            "mtu: 1400\n",
                                            "c.yaml", {}));
  EXPECT_EQ(config.listen, "unix:///tmp/x.sock");
  EXPECT_FALSE(config.masquerade);
  EXPECT_EQ(config.mtu, 1400);
}

TEST(LoadTest, FlagsWinOverTheFile) {
  ASSERT_OK_AND_ASSIGN(Config config, Parse("root: /a\nstate: /b\n", "c.yaml",
                                            {{"root", "/c"}}));
  EXPECT_EQ(config.root, "/c");
  EXPECT_EQ(config.state, "/b");
}

TEST(LoadTest, EveryKeyHasAHelpText) {
  EXPECT_GE(Keys().size(), 10u);
  for (const Key& key : Keys()) EXPECT_STRNE(key.help, "") << key.name;
}

struct BadRow {
  const char* name;
  const char* text;
  const char* error;
};

class BadConfigTest : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadConfigTest, NamesFileLineAndField) {
  EXPECT_THAT(Parse(GetParam().text, "c.yaml", {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadConfigTest,
    ::testing::Values(
        BadRow{"UnknownKey", "root: /a\nstaet: /b\n",
               "c.yaml:2: unknown key \"staet\"; did you mean \"state\"?"},
        BadRow{"FarKey", "colour: red\n", "c.yaml:1: unknown key \"colour\""},
        BadRow{"List", "root: [a, b]\n",
               "c.yaml:1: root: expected one value, not a list"},
        BadRow{"Map", "\nroot: {a: b}\n",
               "c.yaml:2: root: expected one value, not a map"},
        BadRow{"Missing", "root:\n", "c.yaml:1: root: expected one value"},
        BadRow{"RelativeRoot", "root: a/b\n",
               "c.yaml:1: root: expected an absolute path, not \"a/b\""},
        BadRow{"Listen", "listen: tcp://0.0.0.0:1\n",
               "c.yaml:1: listen: expected unix:///PATH"},
        BadRow{"Number", "mtu: many\n",
               "c.yaml:1: mtu: expected a number from 0 to 65535"},
        BadRow{"Range", "mtu: 65536\n", "c.yaml:1: mtu: expected a number"},
        BadRow{"Bool", "masquerade: maybe\n",
               "c.yaml:1: masquerade: expected true or false"},
        BadRow{"LongBridge", "bridge: abcdefghijklmnop\n",
               "c.yaml:1: bridge: expected a link name"},
        BadRow{"Twice", "root: /a\nroot: /b\n",
               "c.yaml:2: root: given twice, first in line 1"},
        BadRow{"Malformed", "root: /a\n  - x: [\n", "not valid YAML"},
        BadRow{"NotAMap", "- a\n- b\n", "expected \"key: value\" lines"}),
    [](const auto& row) { return row.param.name; });

TEST(LoadTest, BadFlagNamesTheFlag) {
  EXPECT_THAT(Parse("", "c.yaml", {{"max_threads", "0"}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--max-threads: expected a number")));
}

TEST(LoadTest, MissingFileThatWasNamedIsAnError) {
  EXPECT_THAT(
      Load("/nonexistent/c.yaml", {}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent/c.yaml")));
}

TEST(LoadTest, OversizedFileIsRefused) {
  tests::TempDir dir;
  ASSERT_OK(runtime::WriteFileAtomic(dir / "c.yaml",
                                     std::string((1 << 20) + 1, '#')));
  EXPECT_THAT(Load(dir / "c.yaml", {}),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace cri::config
