// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/adapt.h"

#include <linux/capability.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace runtime::external {
namespace {

using ::tests::StatusIs;

Json Process() {
  return Json::parse(R"({
    "oomScoreAdj": -998,
    "capabilities": {
      "bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_OF_THE_FUTURE"],
      "ambient": ["CAP_SYS_RESOURCE"]},
    "rlimits": [
      {"type": "RLIMIT_NOFILE", "soft": 1000, "hard": 18446744073709551615},
      {"type": "RLIMIT_CORE", "soft": 5, "hard": 6}]})");
}

TEST(ClampTest, CutsWhatCannotBeGiven) {
  Privileges privileges;
  privileges.capabilities &= ~(uint64_t{1} << CAP_SYS_RESOURCE);
  privileges.least_oom_score_adj = -5;
  privileges.hard_limits = {{"RLIMIT_NOFILE", 512}};
  Json process = Process();
  Clamp(privileges, &process);
  EXPECT_EQ(process["oomScoreAdj"], -5);
  EXPECT_EQ(process["capabilities"]["bounding"],
            Json::array({"CAP_CHOWN", "CAP_OF_THE_FUTURE"}));
  EXPECT_EQ(process["capabilities"]["ambient"], Json::array());
  EXPECT_EQ(process["rlimits"][0]["soft"], 512);
  EXPECT_EQ(process["rlimits"][0]["hard"], 512);
  EXPECT_EQ(process["rlimits"][1], Process()["rlimits"][1]);
}

TEST(ClampTest, LeavesEverythingToTheMighty) {
  Json process = Process();
  Clamp(Privileges(), &process);
  EXPECT_EQ(process, Process());
}

TEST(ClampTest, TakesNothingAmiss) {
  for (const char* text : {"null", "[]", R"({"rlimits": 3})",
                           R"({"capabilities": {"bounding": 1}})",
                           R"({"rlimits": [1, {"type": "RLIMIT_NOFILE"}]})"}) {
    Privileges privileges;
    privileges.hard_limits = {{"RLIMIT_NOFILE", 512}};
    Json process = Json::parse(text);
    Clamp(privileges, &process);
    EXPECT_EQ(process, Json::parse(text));
  }
}

TEST(NameLimitTest, CgroupFilesInARuntimesWordsAreFieldsOfTheConfig) {
  const Json config = Json::parse(R"({"linux": {"resources": {
      "cpu": {"cpus": "0-99"}, "unified": {"memory.hihg": "1"}}}})");
  struct {
    const char* words;
    const char* named;
  } const rows[] = {
      {"runc create failed: cannot use unified on cgroup v1",
       "linux.resources.unified: runc create failed: "},
      {"open `memory.hihg`: No such file",
       "linux.resources.unified[\"memory.hihg\"]: open "},
      {"write /sys/fs/cgroup/x/cpuset.cpus: numerical result out of range",
       "linux.resources.cpu.cpus: write "},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(NameLimit(config, absl::UnknownError(row.words)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         ::testing::StartsWith(row.named)));
  }
}

TEST(NameLimitTest, OtherWordsStay) {
  const absl::Status status =
      absl::UnknownError("cpuset.cpus, cpuset.mems, unified: no space");
  for (const char* text : {"null", R"({"linux": {"resources": 3}})",
                           R"({"linux": {"resources": {"unified": {}}}})"}) {
    EXPECT_EQ(NameLimit(Json::parse(text), status), status) << text;
  }
  const Json config = Json::parse(R"({"linux": {"resources": {
      "cpu": {"mems": "0"}, "unified": {"memory.high": "1"}}}})");
  const absl::Status other = absl::UnknownError("exec /nope: no such file");
  EXPECT_EQ(NameLimit(config, other), other);
  EXPECT_EQ(NameLimit(config, absl::OkStatus()), absl::OkStatus());
}

TEST(JoinPodTest, AddsOnlyWhatTheConfigDoesNotName) {
  Json config = Json::parse(R"({"linux": {"namespaces": [
      {"type": "mount"}, {"type": "pid"}]}})");
  JoinPod({{"network", "/proc/7/ns/net"}, {"pid", "/proc/8/ns/pid"}}, &config);
  EXPECT_EQ(config["linux"]["namespaces"], Json::parse(R"([
      {"type": "mount"}, {"type": "pid"},
      {"type": "network", "path": "/proc/7/ns/net"}])"));
  Json bare = Json::object();
  JoinPod({{"ipc", "/i"}}, &bare);
  EXPECT_EQ(bare["linux"]["namespaces"],
            Json::parse(R"([{"type": "ipc", "path": "/i"}])"));
}

}  // namespace
}  // namespace runtime::external
