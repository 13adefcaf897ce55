// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include "gmock/gmock.h"
#include "tests/unit/cri/sandbox/sandboxes_fixture.h"

namespace cri::sandbox {
namespace {

using ::testing::HasSubstr;
using ::tests::StatusIs;

TEST_F(SandboxesTest, RunGivesAReadySandboxWithAnAddress) {
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(Config("a")));
  v1::PodSandboxStatus status = ToStatus(*sandbox);
  EXPECT_EQ(status.state(), v1::SANDBOX_READY);
  EXPECT_EQ(status.network().ip(), "10.9.0.2");
  EXPECT_GT(status.created_at(), 0);
  EXPECT_TRUE(world_.sandboxes[sandbox->id].options.share_pid);
}

TEST_F(SandboxesTest, ThePathOfACgroupParentIsTaken) {
  v1::PodSandboxConfig config = Config("a");
  config.mutable_linux()->set_cgroup_parent("kubepods/pod1");
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(config));
  EXPECT_EQ(sandbox->ContainersCgroup(), "/kubepods/pod1");
  EXPECT_EQ(world_.sandboxes[sandbox->id].options.slice, "");
}

TEST_F(SandboxesTest, WithSystemdContainersAreInAScopeOfTheSlice) {
  systemd_cgroups_ = true;
  Restart();
  v1::PodSandboxConfig config = Config("a");
  config.mutable_linux()->set_cgroup_parent("kubepods-pod1.slice");
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(config));
  const std::string slice = "/kubepods.slice/kubepods-pod1.slice";
  EXPECT_EQ(sandbox->cgroup_parent, slice);
  EXPECT_EQ(sandbox->ContainersCgroup(),
            slice + "/coracle-" + sandbox->id + ".scope");
  EXPECT_EQ(world_.sandboxes[sandbox->id].options.cgroup_parent, slice);
  EXPECT_EQ(world_.sandboxes[sandbox->id].options.slice, "kubepods-pod1.slice");

  // What it was made with stays, whatever the configuration says later.
  const std::string id = sandbox->id, cgroup = sandbox->ContainersCgroup();
  systemd_cgroups_ = false;
  Restart();
  ASSERT_OK_AND_ASSIGN(sandbox, sandboxes_->Find(id));
  EXPECT_EQ(sandbox->ContainersCgroup(), cgroup);
}

TEST_F(SandboxesTest, WithSystemdACgroupParentThatIsNoSliceIsRefused) {
  systemd_cgroups_ = true;
  Restart();
  v1::PodSandboxConfig config = Config("a");
  config.mutable_linux()->set_cgroup_parent("/kubepods/pod1");
  EXPECT_THAT(Run(config).status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("linux.cgroup_parent")));
  config.mutable_linux()->clear_cgroup_parent();
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(config));
  EXPECT_EQ(sandbox->cgroup_parent, "/coracle.slice");
}

TEST_F(SandboxesTest, RepeatedRunGivesTheSameSandbox) {
  ASSERT_OK_AND_ASSIGN(SandboxPtr first, Run(Config("a")));
  ASSERT_OK_AND_ASSIGN(SandboxPtr again, Run(Config("a")));
  EXPECT_EQ(first->id, again->id);
  v1::PodSandboxConfig next = Config("a");
  next.mutable_metadata()->set_attempt(1);
  ASSERT_OK_AND_ASSIGN(SandboxPtr other, Run(next));
  EXPECT_NE(first->id, other->id);
}

TEST_F(SandboxesTest, AUserNamespaceThatTheHostLacksIsRefused) {
  v1::PodSandboxConfig config = Config("a");
  v1::UserNamespace& user = *config.mutable_linux()
                                 ->mutable_security_context()
                                 ->mutable_namespace_options()
                                 ->mutable_userns_options();
  user.add_uids()->set_length(65536);
  user.add_gids()->set_length(65536);
  EXPECT_THAT(Run(config).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("there are no user namespaces for pods")));
}

TEST_F(SandboxesTest, RunOfAStoppedSandboxMakesAnother) {
  ASSERT_OK_AND_ASSIGN(SandboxPtr first, Run(Config("a")));
  first->Close();
  ASSERT_OK(sandboxes_->TearDown(first));
  ASSERT_OK_AND_ASSIGN(SandboxPtr second, Run(Config("a")));
  EXPECT_NE(first->id, second->id);
}

TEST_F(SandboxesTest, RunWhileOneIsUnderWayJoinsIt) {
  {
    absl::MutexLock lock(&world_.mutex);
    world_.gate_open = false;
  }
  absl::StatusOr<SandboxPtr> results[3];
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] { result = Run(Config("a")); });
  }
  // A caller that gave up leaves something to join.
  EXPECT_THAT(
      [&] {
        {
          absl::MutexLock lock(&world_.mutex);
          world_.mutex.Await(absl::Condition(
              +[](int* started) { return *started == 1; },
              &world_.sandboxes_started));
        }
        return sandboxes_->Run(Config("a"), "", absl::Now());
      }(),
      StatusIs(absl::StatusCode::kDeadlineExceeded,
               HasSubstr("RunPodSandbox of default/a")));
  {
    absl::MutexLock lock(&world_.mutex);
    world_.gate_open = true;
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& result : results) {
    ASSERT_OK(result);
    EXPECT_EQ((*result)->id, (*results[0])->id);
  }
  EXPECT_EQ(world_.sandboxes_started, 1);
}

TEST_F(SandboxesTest, SandboxOfAClientThatIsGoneIsUndone) {
  EXPECT_THAT(sandboxes_->Run(Config("a"), "", absl::InfiniteFuture(),
                              [] { return true; }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(world_.sandboxes_started, 1);
  EXPECT_TRUE(world_.sandboxes.empty());
  EXPECT_TRUE(sandboxes_->List().empty());
  EXPECT_EQ(FilesLeft(), 0u);
}

TEST_F(SandboxesTest, WhoeverJoinsAClientThatIsGoneGetsASandbox) {
  std::thread other;
  absl::StatusOr<SandboxPtr> result;
  // The first asks when its sandbox is complete; from then on another waits.
  auto given_up = [&] {
    if (!other.joinable()) {
      other = std::thread([&] { result = Run(Config("a")); });
    }
    return true;
  };
  // It may have been seen in time, or not.
  (void)sandboxes_->Run(Config("a"), "", absl::InfiniteFuture(), given_up);
  other.join();
  ASSERT_OK(result);
  EXPECT_TRUE((*result)->IsReady());
  ASSERT_EQ(sandboxes_->List().size(), 1u);
  EXPECT_EQ(world_.sandboxes.count((*result)->id), 1u);
}

TEST_F(SandboxesTest, SharesItsCgroupWithOtherReadyPods) {
  const auto run_in = [&](const std::string& name, const std::string& parent) {
    v1::PodSandboxConfig config = Config(name);
    config.mutable_linux()->set_cgroup_parent(parent);
    return *Run(config);
  };
  const SandboxPtr own = run_in("own", "/kubepods/own");
  EXPECT_FALSE(sandboxes_->SharesCgroup(*own));
  const SandboxPtr other = run_in("other", "/kubepods/own");
  EXPECT_TRUE(sandboxes_->SharesCgroup(*own));
  EXPECT_TRUE(sandboxes_->SharesCgroup(*other));
  ASSERT_TRUE(other->Close());
  EXPECT_FALSE(sandboxes_->SharesCgroup(*own));
  // The place of pods that have none of their own.
  EXPECT_TRUE(sandboxes_->SharesCgroup(*run_in("any", "")));
}

TEST_F(SandboxesTest, ListsByPrefixOfTheId) {
  const SandboxPtr a = *Run(Config("a"));
  ASSERT_OK(Run(Config("b")));
  EXPECT_EQ(sandboxes_->List().size(), 2u);
  EXPECT_THAT(sandboxes_->List(a->id.substr(0, 20)), testing::ElementsAre(a));
  EXPECT_TRUE(sandboxes_->List("no such").empty());
}

TEST_F(SandboxesTest, FailedRunLeavesNothing) {
  network_.setup_error = absl::ResourceExhaustedError("no address left");
  EXPECT_THAT(Run(Config("a")), StatusIs(absl::StatusCode::kResourceExhausted,
                                         HasSubstr("no address left")));
  EXPECT_TRUE(world_.sandboxes.empty());
  EXPECT_TRUE(sandboxes_->List().empty());
  EXPECT_EQ(FilesLeft(), 0u);
}

// The client stops what it sees, and nothing else would give back the address.
TEST_F(SandboxesTest, FailedRunThatCannotBeUndoneIsLeftToBeStopped) {
  network_.setup_error = absl::ResourceExhaustedError("no address left");
  network_.teardown_error = absl::UnavailableError("the plugin is gone");
  EXPECT_THAT(Run(Config("a")), StatusIs(absl::StatusCode::kResourceExhausted,
                                         HasSubstr("no address left")));
  for (int daemon = 0; daemon < 2; ++daemon) {
    ASSERT_THAT(sandboxes_->List(), testing::SizeIs(1));
    const SandboxPtr left = sandboxes_->List().front();
    EXPECT_EQ(left->config.metadata().name(), "a");
    EXPECT_FALSE(left->IsReady());
    EXPECT_THAT(sandboxes_->TearDown(left),
                StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_EQ(world_.sandboxes.size(), 1u);
    Restart();
  }
  network_.setup_error = network_.teardown_error = absl::OkStatus();
  const SandboxPtr left = sandboxes_->List().front();
  ASSERT_OK(sandboxes_->TearDown(left));
  ASSERT_OK(sandboxes_->Remove(left));
  EXPECT_TRUE(world_.sandboxes.empty());
  EXPECT_EQ(FilesLeft(), 0u);
}

TEST_F(SandboxesTest, HostNetworkGetsNoAddress) {
  v1::PodSandboxConfig config = Config("a");
  config.mutable_linux()
      ->mutable_security_context()
      ->mutable_namespace_options()
      ->set_network(v1::NODE);
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(config));
  EXPECT_EQ(ToStatus(*sandbox).network().ip(), "");
  EXPECT_TRUE(network_.Leases().empty());
}

TEST_F(SandboxesTest, NetworkIsToldTheSameWhenItIsTornDown) {
  v1::PodSandboxConfig config = Config("a");
  config.set_hostname("web");
  config.mutable_dns_config()->add_searches("svc.local");
  (*config.mutable_annotations())["k"] = "v";
  config.add_port_mappings()->set_container_port(80);
  v1::PortMapping& port = *config.add_port_mappings();
  port.set_protocol(v1::UDP);
  port.set_container_port(53);
  port.set_host_port(5353);
  port.set_host_ip("::1");
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(config));
  const network::PodNetwork setup = network_.LastSetup();
  EXPECT_EQ(setup.sandbox_id, sandbox->id);
  EXPECT_EQ(setup.name, config.metadata().name());
  EXPECT_EQ(setup.uid, config.metadata().uid());
  EXPECT_EQ(setup.hostname, "web");
  EXPECT_THAT(setup.netns_path, HasSubstr("/ns/net"));
  EXPECT_THAT(setup.ports, testing::ElementsAre(network::PortMapping{
                               network::Protocol::kUdp, 53, 5353, "::1"}));
  Restart();
  ASSERT_OK_AND_ASSIGN(sandbox, sandboxes_->Find(sandbox->id));
  sandbox->Close();
  ASSERT_OK(sandboxes_->TearDown(sandbox));
  const network::PodNetwork down = network_.LastTeardown();
  EXPECT_EQ(down.sandbox_id, setup.sandbox_id);
  EXPECT_EQ(down.netns_path, setup.netns_path);
  EXPECT_EQ(down.ports, setup.ports);
  EXPECT_EQ(down.annotations, setup.annotations);
  EXPECT_EQ(down.dns.searches, setup.dns.searches);
}

TEST_F(SandboxesTest, AStopWhoseEndWasNotWrittenIsRepeated) {
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(Config("a")));
  Told(*sandbox);
  sandbox->Close();
  network_.SetTeardownGate(false);
  absl::Status stopped;
  std::thread stop([&] { stopped = sandboxes_->TearDown(sandbox); });
  network_.AwaitTeardowns(1);
  // In the way of the next write only.
  const std::string spare = dir_ / ("sandboxes/." + sandbox->id + ".json.tmp");
  EXPECT_OK(runtime::RemoveTree(spare));
  EXPECT_OK(runtime::MakeDirs(spare));
  network_.SetTeardownGate(true);
  stop.join();
  EXPECT_FALSE(stopped.ok());
  // It is down all the same, which is told once.
  EXPECT_EQ(Told(*sandbox), std::vector{v1::CONTAINER_STOPPED_EVENT});
  ASSERT_OK(runtime::RemoveTree(spare));
  ASSERT_OK(sandboxes_->TearDown(sandbox));
  EXPECT_EQ(Told(*sandbox), std::vector<v1::ContainerEventType>());
  EXPECT_EQ(network_.Teardowns(), 1);
  Restart();
  ASSERT_OK_AND_ASSIGN(sandbox, sandboxes_->Find(sandbox->id));
  EXPECT_TRUE(sandbox->IsStopped());
}

TEST_F(SandboxesTest, AStopThatIsRepeatedAfterTheRemovalWritesNothing) {
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(Config("a")));
  sandbox->Close();
  sandbox->SetTornDown();  // as by one whose end could not be written
  ASSERT_OK(sandboxes_->Remove(sandbox));
  Told(*sandbox);
  EXPECT_OK(sandboxes_->TearDown(sandbox));
  EXPECT_FALSE(runtime::Exists(dir_ / ("sandboxes/" + sandbox->id + ".json")));
  EXPECT_EQ(Told(*sandbox), std::vector<v1::ContainerEventType>());
}

TEST_F(SandboxesTest, NobodyEntersAClosedSandbox) {
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(Config("a")));
  auto use = std::make_unique<Sandbox::Use>(*sandbox->Enter());
  EXPECT_FALSE(sandbox->Close(absl::Now()));
  EXPECT_FALSE(sandbox->IsReady());
  std::thread closer([&] { EXPECT_TRUE(sandbox->Close()); });
  use.reset();
  closer.join();
  EXPECT_THAT(sandbox->Enter().status(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(FilterTest, FieldsAreAnded) {
  runtime::Executor executor("test", 1);
  Sandbox sandbox(&executor);
  sandbox.id = "abcdef";
  (*sandbox.config.mutable_labels())["app"] = "web";
  v1::PodSandboxFilter filter;
  EXPECT_TRUE(Matches(sandbox, filter));
  filter.set_id("abc");
  EXPECT_TRUE(Matches(sandbox, filter));
  (*filter.mutable_label_selector())["app"] = "web";
  EXPECT_TRUE(Matches(sandbox, filter));
  filter.mutable_state()->set_state(v1::SANDBOX_NOTREADY);
  EXPECT_FALSE(Matches(sandbox, filter));
  filter.mutable_state()->set_state(v1::SANDBOX_READY);
  EXPECT_TRUE(Matches(sandbox, filter));
  (*filter.mutable_label_selector())["tier"] = "";
  EXPECT_FALSE(Matches(sandbox, filter));
}

TEST_F(SandboxesTest, StopIsToldOnceWhoeverNoticesIt) {
  for (const bool dies : {true, false}) {
    ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(Config("a")));
    Told(*sandbox);
    if (dies) sandboxes_->OnDeath(sandbox->id);
    sandbox->Close();
    ASSERT_OK(sandboxes_->TearDown(sandbox));
    EXPECT_EQ(Told(*sandbox), (std::vector{v1::CONTAINER_STOPPED_EVENT}))
        << dies;
  }
}

TEST_F(SandboxesTest, ChangesOfLimitsAtOnceLoseNone) {
  ASSERT_OK_AND_ASSIGN(SandboxPtr sandbox, Run(Config("a")));
  constexpr int kRounds = 50;
  auto count = [&](auto field) {
    for (int i = 0; i < kRounds; ++i) {
      EXPECT_OK(sandboxes_->ChangeLimits(sandbox, [&](Sandbox::Limits& limits) {
        v1::LinuxContainerResources& part = limits.*field;
        part.set_cpu_shares(part.cpu_shares() + 1);
      }));
    }
  };
  std::thread other([&] { count(&Sandbox::Limits::overhead); });
  count(&Sandbox::Limits::resources);
  other.join();
  EXPECT_EQ(sandbox->GetLimits().overhead.cpu_shares(), kRounds);
  EXPECT_EQ(sandbox->GetLimits().resources.cpu_shares(), kRounds);
}

}  // namespace
}  // namespace cri::sandbox
