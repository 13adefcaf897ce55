// SPDX-License-Identifier: Apache-2.0
#include "agent/status/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::status {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1700000000);

Attempt Made(v1::ContainerState state, int exit_code = 0, int attempt = 0) {
  Attempt out;
  out.cri.set_id(std::string("id") + std::to_string(attempt));
  out.cri.mutable_metadata()->set_attempt(static_cast<uint32_t>(attempt));
  out.cri.set_state(state);
  out.cri.set_exit_code(exit_code);
  out.cri.set_started_at(absl::ToUnixNanos(kNow));
  if (state == v1::CONTAINER_EXITED) {
    out.cri.set_finished_at(absl::ToUnixNanos(kNow));
  }
  out.started = out.ready = state == v1::CONTAINER_RUNNING;
  return out;
}

Json Pod(const std::string& policy = "Always", bool init = false) {
  Json pod = {
      {"metadata",
       {{"name", "p"}, {"namespace", "n"}, {"uid", "u"}, {"generation", 3}}},
      {"spec",
       {{"restartPolicy", policy},
        {"containers",
         {{{"name", "b"}, {"image", "img"}},
          {{"name", "a"}, {"image", "img"}}}}}}};
  if (init) {
    pod["spec"]["initContainers"] =
        Json::array({{{"name", "i"}, {"image", "img"}}});
  }
  return pod;
}

struct Fixture {
  Json pod;
  Input input;
  explicit Fixture(Json p) : pod(std::move(p)) {
    input.pod = &pod;
    input.now = kNow;
    input.start_time = kNow;
    input.runtime_name = "coracle";
    input.host_ips = {"192.0.2.1"};
    v1::PodSandboxStatus sandbox;
    sandbox.set_id("s");
    sandbox.set_state(v1::SANDBOX_READY);
    sandbox.mutable_network()->set_ip("10.0.0.5");
    input.sandbox = sandbox;
  }
  void Put(const std::string& name, std::vector<Attempt> attempts) {
    input.containers[name].attempts = std::move(attempts);
  }
};

std::string Condition(const Json& status, const std::string& type,
                      const char* key = "status") {
  for (const Json& item : runtime::ArrayAt(status, "conditions")) {
    if (runtime::StringAt(item, "type") == type) {
      return runtime::StringAt(item, key);
    }
  }
  return "missing";
}

struct PhaseRow {
  const char* name;
  const char* policy;
  bool init, finished;
  std::map<std::string, Attempt> containers;
  const char* want;
};

class PhaseTable : public testing::TestWithParam<PhaseRow> {};

TEST_P(PhaseTable, FollowsTheContainers) {
  const PhaseRow& row = GetParam();
  Fixture f(Pod(row.policy, row.init));
  f.input.finished = row.finished;
  for (const auto& [name, attempt] : row.containers) f.Put(name, {attempt});
  EXPECT_EQ(runtime::StringAt(ComputeStatus(f.input), "phase"), row.want);
}

const Attempt kRun = Made(v1::CONTAINER_RUNNING);
const Attempt kDone = Made(v1::CONTAINER_EXITED, 0);
const Attempt kBad = Made(v1::CONTAINER_EXITED, 1);
const Attempt kKilled = Made(v1::CONTAINER_EXITED, 143);

INSTANTIATE_TEST_SUITE_P(
    All, PhaseTable,
    testing::Values(
        PhaseRow{"Nothing", "Always", false, false, {}, "Pending"},
        PhaseRow{"OneOfTwo", "Always", false, false, {{"a", kRun}}, "Pending"},
        PhaseRow{"Both",
                 "Always",
                 false,
                 false,
                 {{"a", kRun}, {"b", kRun}},
                 "Running"},
        PhaseRow{"InitRuns", "Always", true, false, {{"i", kRun}}, "Pending"},
        PhaseRow{
            "InitFailedNever", "Never", true, true, {{"i", kBad}}, "Failed"},
        PhaseRow{"ExitedButRestarts",
                 "Always",
                 false,
                 false,
                 {{"a", kBad}, {"b", kBad}},
                 "Running"},
        PhaseRow{"TerminalIsWithheld",
                 "Never",
                 false,
                 false,
                 {{"a", kDone}, {"b", kDone}},
                 "Running"},
        PhaseRow{"Succeeded",
                 "Never",
                 false,
                 true,
                 {{"a", kDone}, {"b", kDone}},
                 "Succeeded"},
        PhaseRow{"Failed",
                 "Never",
                 false,
                 true,
                 {{"a", kDone}, {"b", kBad}},
                 "Failed"},
        PhaseRow{"DeletedAlwaysPod",
                 "Always",
                 false,
                 true,
                 {{"a", kKilled}, {"b", kDone}},
                 "Failed"},
        PhaseRow{"DeletedAlwaysPodAllZero",
                 "Always",
                 false,
                 true,
                 {{"a", kDone}, {"b", kDone}},
                 "Succeeded"},
        PhaseRow{"DeletedBeforeStart", "Always", false, true, {}, "Failed"}),
    [](const auto& row) { return row.param.name; });

TEST(StatusTest, RunningPodIsReadyWithAddresses) {
  Fixture f(Pod());
  f.Put("a", {kRun});
  f.Put("b", {kRun});
  Json status = ComputeStatus(f.input);
  EXPECT_EQ(Condition(status, "Ready"), "True");
  EXPECT_EQ(Condition(status, "PodReadyToStartContainers"), "True");
  EXPECT_EQ(status["podIP"], "10.0.0.5");
  EXPECT_EQ(status["podIPs"], Json::array({{{"ip", "10.0.0.5"}}}));
  EXPECT_EQ(status["hostIP"], "192.0.2.1");
  EXPECT_EQ(status["observedGeneration"], 3);
  // Sorted by name, whatever the spec's order.
  EXPECT_EQ(status["containerStatuses"][0]["name"], "a");
  EXPECT_EQ(status["containerStatuses"][0]["containerID"], "coracle://id0");
}

TEST(StatusTest, UnreadyContainersAreNamed) {
  Fixture f(Pod());
  f.Put("a", {kRun});
  Json status = ComputeStatus(f.input);
  EXPECT_EQ(Condition(status, "ContainersReady", "message"),
            "containers with unready status: [b]");
  EXPECT_EQ(Condition(status, "Ready", "reason"), "ContainersNotReady");
}

TEST(StatusTest, TransitionTimeMovesOnlyWithTheStatus) {
  Fixture f(Pod());
  f.Put("a", {kRun});
  f.Put("b", {kRun});
  Json first = ComputeStatus(f.input);
  f.input.previous = first;
  f.input.now = kNow + absl::Minutes(1);
  EXPECT_EQ(ComputeStatus(f.input), first);
  f.Put("b", {kBad});
  Json later = ComputeStatus(f.input);
  EXPECT_NE(Condition(later, "Ready", "lastTransitionTime"),
            Condition(first, "Ready", "lastTransitionTime"));
  EXPECT_EQ(Condition(later, "PodScheduled", "lastTransitionTime"),
            Condition(first, "PodScheduled", "lastTransitionTime"));
}

TEST(StatusTest, CrashLoopShowsTheLastEnd) {
  Fixture f(Pod());
  f.Put("a", {Made(v1::CONTAINER_EXITED, 7, 2)});
  f.input.containers["a"].waiting_reason = "CrashLoopBackOff";
  Json item = internal::ContainerStatus(f.input, Containers(f.pod)[1]);
  EXPECT_EQ(item["state"]["waiting"]["reason"], "CrashLoopBackOff");
  EXPECT_EQ(item["lastState"]["terminated"]["exitCode"], 7);
  EXPECT_EQ(item["restartCount"], 2);
  EXPECT_EQ(item["ready"], false);
}

TEST(StatusTest, RestartedContainerKeepsItsLastState) {
  Fixture f(Pod());
  f.Put("a",
        {Made(v1::CONTAINER_RUNNING, 0, 1), Made(v1::CONTAINER_EXITED, 3, 0)});
  Json item = internal::ContainerStatus(f.input, Containers(f.pod)[1]);
  EXPECT_TRUE(item["state"].contains("running"));
  EXPECT_EQ(item["lastState"]["terminated"]["exitCode"], 3);
  EXPECT_EQ(item["lastState"]["terminated"]["reason"], "Error");
}

TEST(StatusTest, VanishedContainerIsUnknownOnceThePodEnds) {
  Fixture f(Pod());
  f.Put("a", {kRun});
  f.Put("b", {kRun});
  f.input.previous = ComputeStatus(f.input);
  f.input.containers.clear();
  f.input.finished = true;
  Json status = ComputeStatus(f.input);
  const Json& ended = status["containerStatuses"][0]["state"]["terminated"];
  EXPECT_EQ(ended["exitCode"], 137);
  EXPECT_EQ(ended["reason"], "ContainerStatusUnknown");
  EXPECT_EQ(status["phase"], "Failed");
}

TEST(StatusTest, TerminalPhaseNeverReverts) {
  Fixture f(Pod());
  f.input.previous = {{"phase", "Succeeded"}};
  f.Put("a", {kRun});
  f.Put("b", {kRun});
  EXPECT_EQ(ComputeStatus(f.input)["phase"], "Succeeded");
}

TEST(StatusTest, RejectedPodIsFailedWithReason) {
  Fixture f(Pod());
  f.input.failed_reason = "OutOfpods";
  f.input.failed_message = "m";
  f.input.finished = true;
  Json status = ComputeStatus(f.input);
  EXPECT_EQ(status["phase"], "Failed");
  EXPECT_EQ(status["reason"], "OutOfpods");
  EXPECT_EQ(status["message"], "m");
}

TEST(StatusTest, ForeignConditionsAndGatesCount) {
  Fixture f(Pod());
  f.pod["spec"]["readinessGates"] = Json::array({{{"conditionType", "lb"}}});
  f.Put("a", {kRun});
  f.Put("b", {kRun});
  EXPECT_EQ(Condition(ComputeStatus(f.input), "Ready", "reason"),
            "ReadinessGatesNotReady");
  f.input.previous["conditions"] =
      Json::array({{{"type", "lb"}, {"status", "True"}}});
  Json status = ComputeStatus(f.input);
  EXPECT_EQ(Condition(status, "Ready"), "True");
  EXPECT_EQ(Condition(status, "lb"), "True");
}

TEST(StatusTest, SidecarCountsForReadiness) {
  Json pod = Pod();
  pod["spec"]["initContainers"] =
      Json::array({{{"name", "s"}, {"restartPolicy", "Always"}}});
  Fixture f(pod);
  f.Put("a", {kRun});
  f.Put("b", {kRun});
  EXPECT_EQ(Condition(ComputeStatus(f.input), "ContainersReady", "message"),
            "containers with unready status: [s]");
}

TEST(StatusTest, TerminationMessageFollowsTheRuntimes) {
  Fixture f(Pod("Never"));
  Attempt ended = Made(v1::CONTAINER_EXITED, 137);
  ended.cri.set_reason("OOMKilled");
  ended.message = "last words";
  f.Put("a", {ended});
  Json item = internal::ContainerStatus(f.input, Containers(f.pod)[1]);
  EXPECT_EQ(item["state"]["terminated"]["reason"], "OOMKilled");
  EXPECT_EQ(item["state"]["terminated"]["message"], "last words");
}

TEST(SpecTest, QosClasses) {
  auto pod = [](Json resources) {
    return Json{{"spec",
                 {{"containers",
                   Json::array({{{"name", "c"}, {"resources", resources}}})}}}};
  };
  EXPECT_EQ(QosClass(pod(Json::object())), Qos::kBestEffort);
  EXPECT_EQ(QosClass(pod({{"requests", {{"cpu", "1"}}}})), Qos::kBurstable);
  EXPECT_EQ(QosClass(pod({{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}}})),
            Qos::kGuaranteed);
  EXPECT_EQ(QosClass(pod({{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}},
                          {"requests", {{"cpu", "500m"}}}})),
            Qos::kBurstable);
}

TEST(SpecTest, RestartRulesDecideBeforeThePolicy) {
  Json pod = Pod("Never");
  pod["spec"]["containers"][0]["restartPolicyRules"] =
      Json::array({{{"action", "Restart"},
                    {"exitCodes", {{"operator", "In"}, {"values", {42}}}}}});
  ContainerSpec b = Containers(pod)[0];
  EXPECT_TRUE(RestartsAfter(pod, b, 42));
  EXPECT_FALSE(RestartsAfter(pod, b, 1));
  EXPECT_FALSE(RestartsAfter(pod, Containers(pod)[1], 42));
}

// Their file went with the pod's volumes, or with a reboot.
TEST(StatusTest, LastWordsThatWereToldOnceStay) {
  Fixture f(Pod("OnFailure"));
  Attempt first = Made(v1::CONTAINER_EXITED, 1, 0);
  Attempt second = Made(v1::CONTAINER_EXITED, 0, 1);
  first.message = "no luck";
  second.message = "done";
  f.Put("a", {second, first});
  f.input.finished = true;
  f.input.previous = ComputeStatus(f.input);
  first.message = second.message = "";
  f.Put("a", {second, first});
  const Json status = ComputeStatus(f.input);
  for (const Json& item : status["containerStatuses"]) {
    if (item["name"] != "a") continue;
    EXPECT_EQ(item["state"]["terminated"]["message"], "done");
    EXPECT_EQ(item["lastState"]["terminated"]["message"], "no luck");
  }
  EXPECT_EQ(runtime::DumpJson(status), runtime::DumpJson(f.input.previous));
}

}  // namespace
}  // namespace agent::status
