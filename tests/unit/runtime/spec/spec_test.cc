// SPDX-License-Identifier: Apache-2.0
#include "runtime/spec/spec.h"

#include <linux/capability.h>
#include <sys/resource.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/json.h"
#include "tests/support/status_matchers.h"

namespace runtime::spec {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

Json Base() {
  return Json::parse(R"({
    "ociVersion": "1.0.2",
    "process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 1, "gid": 2}},
    "root": {"path": "rootfs"},
    "linux": {"namespaces": [{"type": "pid"}, {"type": "network", "path": "/x"}]}
  })");
}

absl::StatusOr<Config> ParseWith(const char* pointer, Json value) {
  Json json = Base();
  json[Json::json_pointer(pointer)] = std::move(value);
  return Parse(DumpJson(json));
}

TEST(SpecTest, ReadsWhatItKnowsAndIgnoresTheRest) {
  Json json = Base();
  json["process"]["user"]["additionalGids"] = {5, 6};
  json["process"]["user"]["umask"] = 18;
  json["process"]["rlimits"] = {{{"type", "RLIMIT_NOFILE"},
                                 {"soft", 1},
                                 {"hard", 18446744073709551615u}}};
  json["process"]["capabilities"] = {{"bounding", {"CAP_KILL", "CAP_BPF"}}};
  json["process"]["futureField"] = 1;
  json["linux"]["resources"] = {{"memory", {{"limit", 5}}},
                                {"cpu", {{"shares", 2}, {"quota", -1}}}};
  ASSERT_OK_AND_ASSIGN(Config config, Parse(DumpJson(json)));
  EXPECT_EQ(config.process.user.uid, 1u);
  EXPECT_THAT(config.process.user.additional_gids, testing::ElementsAre(5, 6));
  EXPECT_EQ(config.process.user.umask, 022u);
  ASSERT_EQ(config.process.rlimits.size(), 1u);
  EXPECT_EQ(config.process.rlimits[0].resource, RLIMIT_NOFILE);
  EXPECT_EQ(config.process.rlimits[0].hard, RLIM_INFINITY);
  ASSERT_TRUE(config.process.capabilities.has_value());
  EXPECT_EQ(config.process.capabilities->bounding,
            (uint64_t{1} << CAP_KILL) | (uint64_t{1} << CAP_BPF));
  EXPECT_EQ(config.process.capabilities->inheritable, 0u);
  EXPECT_EQ(config.linux_section.resources.memory_limit, 5);
  EXPECT_EQ(config.linux_section.resources.cpu_quota, -1);
  EXPECT_NE(config.FindNamespace(NamespaceKind::kPid), nullptr);
  EXPECT_EQ(config.FindNamespace(NamespaceKind::kIpc), nullptr);
}

TEST(SpecTest, NamesTheFieldThatIsWrong) {
  struct Row {
    const char* pointer;
    Json value;
    const char* error;
  };
  const Row rows[] = {
      {"/process", 1, "config.json: process: expected an object"},
      {"/process/user/uid", "0",
       "process.user.uid: expected an integer from 0"},
      {"/process/user/uid", -1, "process.user.uid"},
      {"/process/user/uid", 1.5, "process.user.uid"},
      {"/process/user/uid", 4294967295u, "process.user.uid"},
      {"/process/user/gid", 18446744073709551615u, "process.user.gid"},
      {"/process/user/additionalGids", {1, "2"}, "additionalGids"},
      {"/process/args", "sh", "process.args: expected an array of strings"},
      {"/process/args", Json::array(), "process.args: expected at least"},
      {"/process/env", {"=x"}, "process.env"},
      {"/process/env", {1}, "process.env: expected an array of strings"},
      {"/process/cwd", "relative", "process.cwd: expected an absolute path"},
      {"/process/oomScoreAdj", 1001, "process.oomScoreAdj"},
      {"/process/terminal", "yes", "process.terminal: expected true or false"},
      {"/process/rlimits", {{{"type", "RLIMIT_X"}}}, "process.rlimits[0].type"},
      {"/process/rlimits",
       {{{"type", "RLIMIT_CPU"}, {"soft", 2}, {"hard", 1}}},
       "process.rlimits[0].soft: is above"},
      {"/process/capabilities/effective", {"KILL"}, "unknown capability"},
      {"/mounts", {{{"type", "bind"}}}, "mounts[0].destination: is missing"},
      {"/mounts", {nullptr}, "mounts"},
      {"/linux/namespaces/1/type", "pid", "pid is given twice"},
      {"/linux/namespaces/1/path", "x", "namespaces[1].path"},
      {"/linux/resources/cpu/cpus", "0;1", "resources.cpu.cpus"},
      {"/linux/resources/unified/x", {{"../cgroup.procs", "1"}}, "unified"},
      {"/linux/resources/devices", {{{"access", "rwx"}}}, "devices[0].access"},
      {"/linux/seccomp/syscalls", Json::array(), "defaultAction: is missing"},
      {"/linux/devices",
       {{{"path", "/dev/x"}, {"type", "z"}}},
       "devices[0].type"},
      {"/linux/sysctl", {{"a=b", "1"}}, "not a sysctl name"},
      {"/hooks/poststop", {{{"path", "sh"}}}, "hooks.poststop[0].path"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(
        ParseWith(row.pointer, row.value),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.error)))
        << row.pointer;
  }
}

TEST(SpecTest, RefusesTextThatTheKernelWouldCutShort) {
  EXPECT_THAT(ParseWith("/process/cwd", std::string("/a\0b", 4)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("NUL")));
  EXPECT_THAT(ParseWith("/process/args", {std::string("a\0b", 3)}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("NUL")));
}

TEST(SpecTest, GarbageIsAnErrorNotACrash) {
  for (const char* text : {"", "{", "[]", "null", "7", "{\"process\":[]}",
                           "{\"process\":{\"args\":{}}}", "\xff\xfe"}) {
    EXPECT_FALSE(Parse(text).ok()) << text;
  }
  EXPECT_FALSE(Parse(std::string(100000, '[')).ok());
}

TEST(SpecTest, AProcessTakesFromTheContainerWhatItDoesNotSay) {
  Process defaults;
  defaults.args = {"init"};
  defaults.terminal = true;
  defaults.env = {"A=b"};
  defaults.no_new_privileges = true;
  defaults.capabilities.emplace().bounding = 1;
  ASSERT_OK_AND_ASSIGN(
      Process process,
      ParseProcess(R"({"args":["x"],"cwd":"/tmp"})", defaults));
  EXPECT_THAT(process.args, testing::ElementsAre("x"));
  EXPECT_THAT(process.env, testing::ElementsAre("A=b"));
  EXPECT_FALSE(process.terminal);
  EXPECT_TRUE(process.no_new_privileges);
  EXPECT_EQ(process.capabilities->bounding, 1u);
  EXPECT_FALSE(ParseProcess(R"({"cwd":"/"})", defaults).ok());
}

TEST(SpecTest, IdsAreNamesNotPaths) {
  for (const char* id : {"a", "A-b_c+d.e", "0"}) EXPECT_TRUE(IsValidId(id));
  for (const char* id : {"", ".", "..", ".a", "a/b", "a b", "a\n", "ä"}) {
    EXPECT_FALSE(IsValidId(id)) << id;
  }
  EXPECT_FALSE(IsValidId(std::string(1025, 'a')));
}

}  // namespace
}  // namespace runtime::spec
