// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/adapt.h"

#include <linux/capability.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace runtime::external {
namespace {

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
