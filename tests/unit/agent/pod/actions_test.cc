// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/actions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::pod {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kCreated = RunState::kCreated;
constexpr auto kRunning = RunState::kRunning;
constexpr auto kExited = RunState::kExited;

ContainerView In(RunState state, int exit_code = 0) {
  ContainerView view;
  view.state = state;
  view.current = true;
  view.exit_code = exit_code;
  view.started = state == kRunning;
  return view;
}

// A pod with init containers i1, i2, sidecar s between them if wanted, and
// regular containers a and b.
Json Pod(const std::string& policy, bool init, bool sidecar) {
  Json spec = {{"restartPolicy", policy},
               {"containers", {{{"name", "a"}}, {{"name", "b"}}}}};
  Json list = Json::array();
  if (init) list.push_back({{"name", "i1"}});
  if (sidecar) list.push_back({{"name", "s"}, {"restartPolicy", "Always"}});
  if (init) list.push_back({{"name", "i2"}});
  if (!list.empty()) spec["initContainers"] = list;
  return {{"spec", spec}};
}

struct Row {
  const char* name;
  const char* policy;
  bool init, sidecar, sandbox_ready;
  std::map<std::string, ContainerView> containers;
  bool create_sandbox, finished;
  std::vector<std::string> start;
};

class ActionsTable : public testing::TestWithParam<Row> {};

TEST_P(ActionsTable, DecidesWhatIsNext) {
  const Row& row = GetParam();
  ActualView actual;
  actual.sandbox_ready = row.sandbox_ready;
  actual.containers = row.containers;
  Actions actions =
      ComputeActions(Pod(row.policy, row.init, row.sidecar), actual);
  EXPECT_EQ(actions.create_sandbox, row.create_sandbox);
  EXPECT_EQ(actions.finished, row.finished);
  EXPECT_EQ(actions.start, row.start);
}

std::map<std::string, ContainerView> Stale(
    std::map<std::string, ContainerView> views) {
  for (auto& [name, view] : views) view.current = false;
  return views;
}

INSTANTIATE_TEST_SUITE_P(
    All, ActionsTable,
    testing::Values(
        Row{"NewPod",
            "Always",
            false,
            false,
            false,
            {},
            true,
            false,
            {"a", "b"}},
        Row{"NewPodWithInit",
            "Always",
            true,
            false,
            false,
            {},
            true,
            false,
            {"i1"}},
        Row{"SandboxUpNothingElse",
            "Always",
            false,
            false,
            true,
            {},
            false,
            false,
            {"a", "b"}},
        Row{"AllRun",
            "Always",
            false,
            false,
            true,
            {{"a", In(kRunning)}, {"b", In(kRunning)}},
            false,
            false,
            {}},
        Row{"OneExitedAlways",
            "Always",
            false,
            false,
            true,
            {{"a", In(kExited, 0)}, {"b", In(kRunning)}},
            false,
            false,
            {"a"}},
        Row{"SucceededOnFailure",
            "OnFailure",
            false,
            false,
            true,
            {{"a", In(kExited, 0)}, {"b", In(kRunning)}},
            false,
            false,
            {}},
        Row{"FailedOnFailure",
            "OnFailure",
            false,
            false,
            true,
            {{"a", In(kExited, 1)}, {"b", In(kRunning)}},
            false,
            false,
            {"a"}},
        Row{"FailedNever",
            "Never",
            false,
            false,
            true,
            {{"a", In(kExited, 1)}, {"b", In(kRunning)}},
            false,
            false,
            {}},
        Row{"AllDoneNever",
            "Never",
            false,
            false,
            true,
            {{"a", In(kExited, 1)}, {"b", In(kExited, 0)}},
            false,
            true,
            {}},
        Row{"AllDoneWithoutSandbox",
            "Never",
            false,
            false,
            false,
            Stale({{"a", In(kExited, 0)}, {"b", In(kExited, 0)}}),
            false,
            true,
            {}},
        Row{"LostSandboxRestartsAll",
            "Always",
            true,
            false,
            false,
            Stale({{"i1", In(kExited)},
                   {"i2", In(kExited)},
                   {"a", In(kExited, 137)},
                   {"b", In(kExited, 137)}}),
            true,
            false,
            {"i1"}},
        Row{"CreatedIsStarted",
            "Always",
            false,
            false,
            true,
            {{"a", In(kCreated)}, {"b", In(kRunning)}},
            false,
            false,
            {"a"}},
        Row{"InitRuns",
            "Always",
            true,
            false,
            true,
            {{"i1", In(kRunning)}},
            false,
            false,
            {}},
        Row{"NextInit",
            "Always",
            true,
            false,
            true,
            {{"i1", In(kExited, 0)}},
            false,
            false,
            {"i2"}},
        Row{"InitDone",
            "Always",
            true,
            false,
            true,
            {{"i1", In(kExited, 0)}, {"i2", In(kExited, 0)}},
            false,
            false,
            {"a", "b"}},
        Row{"InitFailedRetried",
            "Always",
            true,
            false,
            true,
            {{"i1", In(kExited, 1)}},
            false,
            false,
            {"i1"}},
        Row{"InitFailedNever",
            "Never",
            true,
            false,
            true,
            {{"i1", In(kExited, 1)}},
            false,
            true,
            {}},
        Row{"InitNotRunAgainBesideRegular",
            "Always",
            true,
            false,
            true,
            {{"a", In(kRunning)}, {"b", In(kExited, 0)}},
            false,
            false,
            {"b"}},
        Row{"SidecarFirst",
            "Always",
            true,
            true,
            true,
            {{"i1", In(kExited, 0)}},
            false,
            false,
            {"s"}},
        Row{"AfterSidecarStarted",
            "Always",
            true,
            true,
            true,
            {{"i1", In(kExited, 0)}, {"s", In(kRunning)}},
            false,
            false,
            {"i2"}},
        Row{"SidecarRestartsInNeverPod",
            "Never",
            false,
            true,
            true,
            {{"s", In(kExited, 1)}, {"a", In(kRunning)}, {"b", In(kRunning)}},
            false,
            false,
            {"s"}},
        Row{"SidecarDoesNotHoldThePod",
            "Never",
            false,
            true,
            true,
            {{"s", In(kRunning)}, {"a", In(kExited, 0)}, {"b", In(kExited, 0)}},
            false,
            true,
            {}}),
    [](const auto& row) { return row.param.name; });

TEST(ActionsTest, SidecarHoldsBackUntilItsStartupProbePasses) {
  ActualView actual;
  actual.sandbox_ready = true;
  actual.containers["s"] = In(kRunning);
  actual.containers["s"].started = false;
  EXPECT_THAT(ComputeActions(Pod("Always", false, true), actual).start,
              IsEmpty());
}

TEST(ActionsTest, ChangedImageReplacesARunningContainer) {
  ActualView actual;
  actual.sandbox_ready = true;
  actual.containers["a"] = In(kRunning);
  actual.containers["a"].spec_changed = true;
  actual.containers["b"] = In(kRunning);
  Actions actions = ComputeActions(Pod("Never", false, false), actual);
  ASSERT_EQ(actions.kill.size(), 1u);
  EXPECT_EQ(actions.kill[0].container, "a");
  EXPECT_TRUE(actions.kill[0].replace);
  // Once it has ended it starts again, although the policy is Never.
  actual.containers["a"] = In(kExited, 143);
  actual.containers["a"].replaced = true;
  EXPECT_THAT(ComputeActions(Pod("Never", false, false), actual).start,
              ElementsAre("a"));
}

TEST(ActionsTest, UnhealthyContainerIsKilled) {
  ActualView actual;
  actual.sandbox_ready = true;
  actual.containers["a"] = In(kRunning);
  actual.containers["a"].unhealthy = true;
  actual.containers["b"] = In(kRunning);
  Actions actions = ComputeActions(Pod("Always", false, false), actual);
  ASSERT_EQ(actions.kill.size(), 1u);
  EXPECT_EQ(actions.kill[0].message,
            "Container a failed liveness probe, will be restarted");
}

TEST(ActionsTest, EphemeralContainerStartsBesideInitAndOnlyOnce) {
  Json pod = Pod("Always", true, false);
  pod["spec"]["ephemeralContainers"] = {{{"name", "debug"}}};
  ActualView actual;
  actual.sandbox_ready = true;
  actual.containers["i1"] = In(kRunning);
  EXPECT_THAT(ComputeActions(pod, actual).start, ElementsAre("debug"));
  actual.containers["debug"] = In(kExited, 1);
  EXPECT_THAT(ComputeActions(pod, actual).start, IsEmpty());
}

}  // namespace
}  // namespace agent::pod
