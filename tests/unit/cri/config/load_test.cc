// SPDX-License-Identifier: Apache-2.0
#include "cri/config/config.h"
#include "cri/config/field.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace cri::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using ::tests::IsOk;
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
  for (const char* cap : {"0", "65536"}) {
    ASSERT_OK_AND_ASSIGN(
        config, Parse("", "c.yaml", {{"container_log_hard_cap", cap}}));
    EXPECT_EQ(std::to_string(config.container_log_hard_cap), cap);
  }
}

TEST(LoadTest, PinnedImagesAreNamesOrPatterns) {
  ASSERT_OK_AND_ASSIGN(
      Config config,
      Parse("pinned_images: [busybox, \"*/pause:*\"]", "c.yaml", {}));
  EXPECT_THAT(config.pinned_images,
              ::testing::ElementsAre("busybox", "*/pause:*"));
  EXPECT_THAT(Parse("pinned_images: [busybox, Bad]", "c.yaml", {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("pinned_images: expected names of images as "
                                 "busybox:1.37, or ")));
}

TEST(LoadTest, ImageBudgetsAreOffOrNumbers) {
  ASSERT_OK_AND_ASSIGN(Config config, Parse("", "c.yaml", {}));
  EXPECT_EQ(config.image_max_bytes, 0);
  EXPECT_EQ(config.image_max_unused, "0");
  ASSERT_OK_AND_ASSIGN(
      config, Parse("image_max_bytes: 20000000000\nimage_max_unused: 168h\n",
                    "c.yaml", {}));
  EXPECT_EQ(config.image_max_bytes, 20000000000);
  EXPECT_EQ(config.image_max_unused, "168h");
  EXPECT_OK(Parse("image_max_unused: 0", "c.yaml", {}).status());
  for (const char* wrong : {"-1h", "7d", "soon", "inf", "\"\""}) {
    EXPECT_THAT(
        Parse(absl::StrCat("image_max_unused: ", wrong), "c.yaml", {}).status(),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("image_max_unused: expected 0 or a time as 168h")))
        << wrong;
  }
  EXPECT_THAT(Parse("image_max_bytes: -1", "c.yaml", {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("image_max_bytes: ")));
}

TEST(LoadTest, FlagsWinOverTheFile) {
  ASSERT_OK_AND_ASSIGN(Config config, Parse("root: /a\nstate: /b\n", "c.yaml",
                                            {{"root", "/c"}}));
  EXPECT_EQ(config.root, "/c");
  EXPECT_EQ(config.state, "/b");
}

TEST(LoadTest, TellsWhereEachValueComesFrom) {
  ASSERT_OK_AND_ASSIGN(Config config, Parse("root: /a\n\nmtu: 9\n", "c.yaml",
                                            {{"max_threads", "8"}}));
  EXPECT_THAT(
      config.origins,
      UnorderedElementsAre(Pair("root", "c.yaml:1"), Pair("mtu", "c.yaml:3"),
                           Pair("max_threads", "--max-threads")));
}

TEST(LoadTest, HandlersComeBesideTheBuiltInOne) {
  ASSERT_OK_AND_ASSIGN(Config config,
                       Parse("handlers:\n"
                             "  runc:\n"
                             "    path: /usr/sbin/runc\n"
                             "    args: [--debug, --log-format=json]\n"
                             "    annotations: io.example.a,io.example.b\n"
                             "  plain: {type: builtin}\n",
                             "c.yaml", {}));
  ASSERT_EQ(config.handlers.size(), 3u);
  EXPECT_EQ(config.handlers["coracle"].type, "builtin");
  EXPECT_EQ(config.handlers["plain"].type, "builtin");
  EXPECT_EQ(config.handlers["runc"].path, "/usr/sbin/runc");
  EXPECT_THAT(config.handlers["runc"].args,
              ElementsAre("--debug", "--log-format=json"));
  EXPECT_THAT(config.handlers["runc"].annotations,
              ElementsAre("io.example.a", "io.example.b"));
}

TEST(LoadTest, HandlersMaySayThatTheyDoWithoutSystemd) {
  EXPECT_THAT(Parse("handlers: {runc: {path: /r, args: "
                    "[--systemd-cgroup=false, --systemd-cgroups]}}\n",
                    "c.yaml", {}),
              IsOk());
}

TEST(LoadTest, TheDefaultHandlerIsOneOfThem) {
  ASSERT_OK_AND_ASSIGN(
      Config config,
      Parse("default_handler: runc\nhandlers: {runc: {path: /r}}\n", "c.yaml",
            {}));
  EXPECT_EQ(FindHandler(config, ""), &config.handlers["runc"]);
  EXPECT_EQ(FindHandler(config, "coracle"), &config.handlers["coracle"]);
  EXPECT_EQ(FindHandler(config, "kata"), nullptr);
  EXPECT_EQ(FindHandler(Config(), ""), nullptr);
  EXPECT_THAT(Parse("default_handler: rnc\nhandlers: {runc: {path: /r}}\n",
                    "c.yaml", {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "c.yaml:1: default_handler: \"rnc\" is none of handlers "
                       "(coracle, runc); did you mean \"runc\"?"));
}

TEST(SuggestionTest, ComesOnlyIfItIsNear) {
  const std::vector<absl::string_view> known = {"root", "state", "log_level"};
  EXPECT_EQ(Suggestion("rot", known), "; did you mean \"root\"?");
  EXPECT_EQ(Suggestion("roto", known), "; did you mean \"root\"?");
  EXPECT_EQ(Suggestion("loglevle", known), "; did you mean \"log_level\"?");
  EXPECT_EQ(Suggestion("nope", known), "");
  EXPECT_EQ(Suggestion("slate-grey", known), "");
  EXPECT_EQ(Suggestion("", known), "");
  EXPECT_EQ(Suggestion("root", {}), "");
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
        BadRow{"UnknownPart", "handlers:\n  runc:\n    path: /r\n    pth: /r\n",
               "c.yaml:4: handlers: runc: unknown key \"pth\"; did you mean "
               "\"path\"?"},
        BadRow{"PartOfWrongType",
               "handlers:\n  a: {path: /r}\n  b: {path: /r, args: {x: y}}\n",
               "c.yaml:3: handlers: b: args: expected one value, not a map"},
        BadRow{"HandlerWithoutPath", "handlers:\n  runc:\n",
               "c.yaml:2: handlers: runc: path: an OCI runtime needs its path"},
        BadRow{"HandlerName", "handlers: {../x: {path: /r}}\n",
               "handlers: ../x: a handler's name is made of"},
        BadRow{"BuiltinWithPath", "handlers: {a: {type: builtin, path: /r}}\n",
               "the built-in handler has no path"},
        BadRow{"HandlerType", "handlers: {a: {type: shim}}\n",
               "handlers: a: type: expected oci or builtin, not \"shim\""},
        BadRow{
            "SystemdCgroup",
            "handlers:\n  runc: {path: /r, args: [--debug, "
            "--systemd-cgroup]}\n",
            "c.yaml:2: handlers: runc: args: \"--systemd-cgroup\" would make "
            "the runtime take the cgroup's path for a unit's name; leave it "
            "out and set cgroup_driver: systemd"},
        BadRow{"SystemdCgroupOfOneDash",
               "handlers: {a: {path: /r, args: [-systemd-cgroup=true]}}\n",
               "args: \"-systemd-cgroup=true\" would"},
        BadRow{"SystemdProperty",
               "handlers: {a: {path: /r, annotations: "
               "[org.systemd.property.ExecStartPre]}}\n",
               "annotations: \"org.systemd.property.ExecStartPre\" would let "
               "pods set properties"},
        BadRow{"HandlersList", "handlers: [a]\n",
               "c.yaml:1: handlers: expected a map of names to settings"},
        BadRow{"Missing", "root:\n", "c.yaml:1: root: expected one value"},
        BadRow{"RelativeRoot", "root: a/b\n",
               "c.yaml:1: root: expected an absolute path, not \"a/b\""},
        BadRow{"Listen", "listen: tcp://0.0.0.0:1\n",
               "c.yaml:1: listen: expected unix:///PATH"},
        BadRow{"Number", "mtu: many\n",
               "c.yaml:1: mtu: expected a number from 0 to 65535"},
        BadRow{"Range", "mtu: 65536\n", "c.yaml:1: mtu: expected a number"},
        BadRow{"LogCap", "container_log_hard_cap: 65535\n",
               "c.yaml:1: container_log_hard_cap: expected 0 or a number from "
               "65536 to "},
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
