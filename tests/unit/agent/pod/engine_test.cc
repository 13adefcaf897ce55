// SPDX-License-Identifier: Apache-2.0
// Pods from their first appearance to their end.
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "runtime/base/unique_fd.h"
#include "tests/unit/agent/pod/engine_fixture.h"

namespace agent::pod {
namespace {

using testing::HasSubstr;

TEST_F(EngineTest, RunsAPodAndReportsIt) {
  cluster_.Set(Pod("p", "u1"));
  Begin();
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  World world = cri_.Look();
  ASSERT_EQ(world.Running(), 1);
  const auto& config = world.configs.begin()->second;
  EXPECT_EQ(config.labels().at("io.kubernetes.pod.uid"), "u1");
  EXPECT_EQ(config.linux().cgroup_parent(), "/kubepods/besteffort/podu1");
  EXPECT_THAT(config.log_directory(), HasSubstr("/logs/ns_p_u1"));
  EXPECT_TRUE(cluster_.WaitForEvent("Started", "Started container c"));
}

TEST_F(EngineTest, ALongPullSaysHowFarItIs) {
  first_pull_report_ = absl::Milliseconds(20);
  cri_.SetPulls(
      R"([{"requested": "other:1", "layers": 9, "bytes": 1, "bytes_done": 1},
          {"requested": "big:1", "layers": 3, "layers_done": 1,
           "bytes": 4194304, "bytes_done": 1572864}])");
  Json pod = Pod("p", "u1");
  pod["spec"]["containers"][0]["image"] = "big:1";
  cluster_.Set(pod);
  Begin();
  EXPECT_TRUE(cluster_.WaitForMessage("Pulling image \"big:1\""));
  EXPECT_TRUE(cluster_.WaitForMessage(
      "Pulling image \"big:1\": 1.5 MiB of 4.0 MiB, 1 of 3 layers"));
  cri_.SetPulls("");
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  EXPECT_TRUE(cluster_.WaitForEvent("Pulled", "Successfully pulled"));
}

TEST_F(EngineTest, DeletedPodEndsCompletely) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  Json pod = Pod("p", "u1");
  pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  pod["metadata"]["deletionGracePeriodSeconds"] = 7;
  cluster_.Set(pod);
  ASSERT_TRUE(cluster_.WaitFor("p", [](const Json& p) { return p.is_null(); }));
  World world = cri_.Look();
  EXPECT_TRUE(world.Called("StopContainer c 7"));
  EXPECT_TRUE(world.sandboxes.empty());
  EXPECT_TRUE(world.containers.empty());
  EXPECT_FALSE(runtime::Exists(dir_.path() + "/kubelet/pods/u1"));
  EXPECT_FALSE(runtime::Exists(dir_.path() + "/logs/ns_p_u1"));
}

TEST_F(EngineTest, ShorterGraceDoesNotWaitForAPreStopHook) {
  Begin();
  Json pod = Pod("p", "u1");
  pod["spec"]["terminationGracePeriodSeconds"] = 3600;
  pod["spec"]["containers"][0]["lifecycle"] = {
      {"preStop", {{"sleep", {{"seconds", 3000}}}}}};
  cluster_.Set(pod);
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  pod["metadata"]["deletionGracePeriodSeconds"] = 3600;
  cluster_.Set(pod);
  ASSERT_TRUE(cluster_.WaitForEvent("Killing", "Stopping container c"));
  pod["metadata"]["deletionGracePeriodSeconds"] = 1;
  cluster_.Set(pod);
  EXPECT_TRUE(cluster_.WaitFor("p", [](const Json& p) { return p.is_null(); }));
  EXPECT_TRUE(cri_.Look().Called("StopContainer c 2"));
}

TEST_F(EngineTest, ForceDeletedPodIsCleanedUp) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  cluster_.Drop("p");
  EXPECT_TRUE(cri_.WaitFor([](const World& w) { return w.sandboxes.empty(); }));
}

TEST_F(EngineTest, RestartOfTheAgentRestartsNothing) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  Stop();
  size_t calls = cri_.Look().calls.size();
  Begin();
  // A second pod shows that the first one has been looked at.
  cluster_.Set(Pod("q", "u2"));
  ASSERT_TRUE(WaitForPhase("q", "Running"));
  World world = cri_.Look();
  EXPECT_EQ(world.calls.size(), calls + 3);  // q: sandbox, create, start
  EXPECT_EQ(world.Running(), 2);
}

TEST_F(EngineTest, OrphansEndAfterTheFirstFullList) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  Stop();
  cluster_.Drop("p");
  Begin();
  EXPECT_TRUE(cri_.WaitFor([](const World& w) { return w.sandboxes.empty(); }));
}

TEST_F(EngineTest, LogsOfAnOrphanGoWithTheirLinks) {
  const std::string logs = dir_ / "logs/ns_gone_u9", links = dir_ / "links";
  ASSERT_THAT(runtime::MakeDirs(logs + "/c"), IsOk());
  ASSERT_THAT(runtime::MakeDirs(links), IsOk());
  ASSERT_EQ(symlink((logs + "/c/0.log").c_str(), (links + "/gone").c_str()), 0);
  const runtime::UniqueFd watch(inotify_init1(IN_CLOEXEC));
  ASSERT_GE(inotify_add_watch(watch.get(), links.c_str(), IN_DELETE), 0);
  Begin();
  pollfd deleted = {watch.get(), POLLIN, 0};
  ASSERT_EQ(poll(&deleted, 1, 20000), 1);
  EXPECT_THAT(runtime::ListDir(links).value(), testing::IsEmpty());
  EXPECT_FALSE(runtime::Exists(logs));
}

TEST_F(EngineTest, ExitedContainerRestartsWithTheNextAttempt) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  cri_.Exit("c", 3);
  ASSERT_TRUE(cluster_.WaitFor("p", [](const Json& pod) {
    const Json& list =
        runtime::ArrayAt(runtime::At(pod, "status"), "containerStatuses");
    return !list.empty() && runtime::IntAt(list[0], "restartCount") == 1 &&
           runtime::BoolAt(list[0], "ready");
  }));
  // The second end waits.
  cri_.Exit("c", 4);
  ASSERT_TRUE(cluster_.WaitFor("p", [](const Json& pod) {
    const Json& list =
        runtime::ArrayAt(runtime::At(pod, "status"), "containerStatuses");
    return !list.empty() &&
           runtime::StringAt(list[0], {"state", "waiting", "reason"}) ==
               "CrashLoopBackOff";
  }));
  EXPECT_TRUE(cluster_.WaitForEvent(
      "BackOff", "Back-off restarting failed container c in pod p_ns(u1)"));
}

TEST_F(EngineTest, FinishedPodKeepsItsRecordsUntilDeleted) {
  Begin();
  cluster_.Set(Pod("job", "u1", "Never"));
  ASSERT_TRUE(WaitForPhase("job", "Running"));
  cri_.Exit("c", 0);
  ASSERT_TRUE(WaitForPhase("job", "Succeeded"));
  World world = cri_.Look();
  EXPECT_EQ(world.containers.size(), 1u);
  EXPECT_EQ(world.sandboxes.begin()->second.state(), v1::SANDBOX_NOTREADY);
}

TEST_F(EngineTest, NamesakeWaitsForTheOldPod) {
  Begin();
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  cri_.FailWith("StopContainer", {grpc::StatusCode::UNAVAILABLE, "busy"});
  cluster_.Drop("p");
  cluster_.Set(Pod("p", "u2"));
  ASSERT_TRUE(cri_.WaitFor(
      [](const World& w) { return w.Called("StopContainer c 30"); }));
  EXPECT_EQ(cri_.Look().sandboxes.size(), 1u);
  cri_.FailWith("StopContainer", grpc::Status::OK);
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  World world = cri_.Look();
  ASSERT_EQ(world.sandboxes.size(), 1u);
  EXPECT_EQ(world.sandboxes.begin()->second.metadata().uid(), "u2");
}

TEST_F(EngineTest, FailedPullIsShownWithTheRuntimesMessage) {
  Begin();
  cri_.FailWith("PullImage",
                {grpc::StatusCode::NOT_FOUND, "registry.example/x: HTTP 404"});
  Json pod = Pod("p", "u1");
  pod["spec"]["containers"][0]["image"] = "registry.example/x:1";
  cluster_.Set(pod);
  auto reason_is = [&](const char* reason) {
    return cluster_.WaitFor("p", [&](const Json& p) {
      const Json& list =
          runtime::ArrayAt(runtime::At(p, "status"), "containerStatuses");
      return !list.empty() &&
             runtime::StringAt(list[0], {"state", "waiting", "reason"}) ==
                 reason &&
             runtime::StringAt(list[0], {"state", "waiting", "message"})
                     .find("HTTP 404") != std::string::npos;
    });
  };
  EXPECT_TRUE(reason_is("ErrImagePull"));
  EXPECT_TRUE(reason_is("ImagePullBackOff"));
}

TEST_F(EngineTest, CommandThatCannotStartEndsWith128) {
  Begin();
  cri_.FailWith("StartContainer",
                {grpc::StatusCode::INVALID_ARGUMENT, "exec /nope: not found"});
  cluster_.Set(Pod("p", "u1", "Never"));
  ASSERT_TRUE(WaitForPhase("p", "Failed"));
  EXPECT_TRUE(cluster_.WaitFor("p", [](const Json& pod) {
    const Json& list =
        runtime::ArrayAt(runtime::At(pod, "status"), "containerStatuses");
    const Json& ended = runtime::At(list[0], {"state", "terminated"});
    return runtime::IntAt(ended, "exitCode") == 128 &&
           runtime::StringAt(ended, "reason") == "StartError" &&
           runtime::StringAt(ended, "message") == "exec /nope: not found";
  }));
}

TEST_F(EngineTest, InitContainersRunInOrderBeforeTheOthers) {
  Begin();
  Json pod = Pod("p", "u1");
  pod["spec"]["initContainers"] =
      Json::array({{{"name", "i"},
                    {"image", "img:1"},
                    {"imagePullPolicy", "IfNotPresent"}}});
  cluster_.Set(pod);
  ASSERT_TRUE(
      cri_.WaitFor([](const World& w) { return w.Find("i") && w.Running(); }));
  EXPECT_EQ(cri_.Look().Find("c"), nullptr);
  cri_.Exit("i", 0);
  EXPECT_TRUE(WaitForPhase("p", "Running"));
}

TEST_F(EngineTest, StandaloneNodeRunsManifests) {
  ASSERT_THAT(runtime::MakeDirs(dir_.path() + "/manifests"), IsOk());
  Begin(/*cluster=*/false, /*manifests=*/true);
  std::string path = dir_.path() + "/manifests/web.yaml";
  ASSERT_THAT(
      runtime::WriteFileAtomic(
          path,
          "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
          "spec: {containers: [{name: c, image: 'img:1', imagePullPolicy: "
          "Never}]}\n"),
      IsOk());
  ASSERT_TRUE(cri_.WaitFor([](const World& w) { return w.Running() == 1; }));
  auto pods = engine_->pods().List();
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods[0]["metadata"]["name"], "web-node1");
  unlink(path.c_str());
  EXPECT_TRUE(cri_.WaitFor([](const World& w) { return w.sandboxes.empty(); }));
}

TEST_F(EngineTest, MirrorPodIsMadeAndMadeAgain) {
  ASSERT_THAT(runtime::MakeDirs(dir_.path() + "/manifests"), IsOk());
  ASSERT_THAT(runtime::WriteFileAtomic(
                  dir_.path() + "/manifests/web.yaml",
                  "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
                  "spec: {containers: [{name: c, image: 'img:1'}]}\n"),
              IsOk());
  Begin(/*cluster=*/true, /*manifests=*/true);
  ASSERT_TRUE(WaitForPhase("web-node1", "Running"));
  cluster_.Drop("web-node1");
  ASSERT_TRUE(WaitForPhase("web-node1", "Running"));
  EXPECT_EQ(cri_.Look().Running(), 1);
  EXPECT_FALSE(cri_.Look().Called("StopContainer c 30"));
}

TEST_F(EngineTest, RuntimeWithoutEventsIsRelisted) {
  cri_.SetEvents(false);
  Begin();
  cluster_.Set(Pod("job", "u1", "Never"));
  ASSERT_TRUE(WaitForPhase("job", "Running"));
  cri_.Exit("c", 0);
  EXPECT_TRUE(WaitForPhase("job", "Succeeded"));
}

TEST_F(EngineTest, LogOfAWaitingContainerSaysWhy) {
  Begin();
  cri_.FailWith("RunPodSandbox", {grpc::StatusCode::INTERNAL, "no"});
  cluster_.Set(Pod("p", "u1"));
  ASSERT_TRUE(cluster_.WaitForEvent("FailedCreatePodSandBox",
                                    "Failed to create pod sandbox: no"));
  auto log = engine_->pods().ContainerLog("ns", "p", "c", false);
  EXPECT_EQ(log.status().message(),
            "container \"c\" in pod \"p\" is waiting to start: "
            "ContainerCreating");
  EXPECT_EQ(engine_->pods().ContainerLog("ns", "x", "c", false).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(EngineTest, Cve2019_11245_NonRootIsCheckedAtEachStart) {
  cri_.MoveImage("img:1", 1000);
  Json pod = Pod("p", "u1");
  pod["spec"]["securityContext"] = {{"runAsNonRoot", true}};
  cluster_.Set(pod);
  Begin();
  ASSERT_TRUE(WaitForPhase("p", "Running"));
  cri_.MoveImage("img:1", 0);
  cri_.Exit("c", 3);
  EXPECT_TRUE(cluster_.WaitFor("p", [](const Json& p) {
    const Json& list =
        runtime::ArrayAt(runtime::At(p, "status"), "containerStatuses");
    if (list.empty()) return false;
    const Json& waiting = runtime::At(list[0], {"state", "waiting"});
    return runtime::StringAt(waiting, "reason") ==
               "CreateContainerConfigError" &&
           runtime::StringAt(waiting, "message").find("will run as root") !=
               std::string::npos;
  }));
  EXPECT_EQ(cri_.Look().Running(), 0);
}

}  // namespace
}  // namespace agent::pod
