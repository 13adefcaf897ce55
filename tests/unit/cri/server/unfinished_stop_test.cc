// SPDX-License-Identifier: Apache-2.0
// Stops that the server before did not bring to their end.
#include "cri/server/unfinished_stops.h"

#include <signal.h>
#include <sys/resource.h>

#include <thread>

#include "absl/strings/match.h"
#include "cri/sandbox/record_file.h"
#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {
namespace {

TEST_F(ServerTest, AStopThatWasCutShortIsFinishedAtTheNextStart) {
  const std::string id = RunPod();
  network_->teardown_error = absl::UnavailableError("cut short");
  v1::StopPodSandboxRequest stop;
  stop.set_pod_sandbox_id(id);
  v1::StopPodSandboxResponse stopped;
  EXPECT_FALSE(Call(*runtime_, &Runtime::StopPodSandbox, stop, &stopped).ok());
  Restart();
  absl::MutexLock lock(&world_.mutex);
  auto gone = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(world_.mutex) {
    return world_.sandboxes.empty();
  };
  EXPECT_TRUE(
      world_.mutex.AwaitWithTimeout(absl::Condition(&gone), absl::Seconds(20)));
}

TEST_F(ServerTest, NobodyWaitsForTheNetworkOfAPodThatCannotBeKilled) {
  const std::string id = RunPod();
  ASSERT_TRUE(Start(CreateContainer(id)).ok());
  world_.kill_error = absl::UnavailableError("no");
  const std::string path = dir_ / ("root/sandboxes/" + id + ".json");
  ASSERT_OK_AND_ASSIGN(runtime::Json record, sandbox::ReadRecord(path));
  record["ready"] = false;
  ASSERT_OK(sandbox::WriteRecord(path, record));
  Restart();
  network_->AwaitPutOff(id);
  EXPECT_EQ(network_->Teardowns(), 0);
}

// Who wants one of its host ports waits for it that long.
TEST_F(ServerTest, TheNetworkHearsOfAStopBeforeThePodIsKilledAndOfItsFailure) {
  const std::string id = RunPod();
  ASSERT_TRUE(Start(CreateContainer(id)).ok());
  EXPECT_TRUE(network_->Expected().empty());
  world_.kill_error = absl::UnavailableError("no");
  v1::StopPodSandboxRequest stop;
  stop.set_pod_sandbox_id(id);
  v1::StopPodSandboxResponse stopped;
  EXPECT_FALSE(Call(*runtime_, &Runtime::StopPodSandbox, stop, &stopped).ok());
  EXPECT_EQ(network_->Expected(), std::set<std::string>{id});
  network_->AwaitPutOff(id);
  EXPECT_EQ(network_->Teardowns(), 0);
}

// As on a disk that is full: who makes room must be able to.
TEST_F(ServerTest, APodWhoseEndCannotBeWrittenCanBeRemoved) {
  grpc::ClientContext context;
  auto events = runtime_->GetContainerEvents(&context, v1::GetEventsRequest());
  events->WaitForInitialMetadata();
  const std::string id = RunPod();
  network_->SetTeardownGate(false);
  v1::RemovePodSandboxRequest remove;
  remove.set_pod_sandbox_id(id);
  v1::RemovePodSandboxResponse removed;
  grpc::Status status;
  std::thread removal([&] {
    status = Call(*runtime_, &Runtime::RemovePodSandbox, remove, &removed);
  });
  network_->AwaitTeardowns(1);
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit full = {0, before.rlim_max};
  const auto old = signal(SIGXFSZ, SIG_IGN);
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  network_->SetTeardownGate(true);
  removal.join();
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, old);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(runtime::Exists(dir_ / ("root/sandboxes/" + id + ".json")));
  for (const auto type :
       {v1::CONTAINER_CREATED_EVENT, v1::CONTAINER_STARTED_EVENT,
        v1::CONTAINER_STOPPED_EVENT, v1::CONTAINER_DELETED_EVENT}) {
    v1::ContainerEventResponse event;
    ASSERT_TRUE(events->Read(&event));
    EXPECT_EQ(event.container_event_type(), type);
  }
  context.TryCancel();
}

TEST_F(ServerTest, AStopThatCannotBeFinishedIsToldWithItsReason) {
  const std::string id = RunPod();
  network_->teardown_error = teardown_error_ =
      absl::UnavailableError("the plugin is gone");
  v1::StopPodSandboxRequest stop;
  stop.set_pod_sandbox_id(id);
  v1::StopPodSandboxResponse stopped;
  EXPECT_FALSE(Call(*runtime_, &Runtime::StopPodSandbox, stop, &stopped).ok());
  Restart();
  v1::StatusRequest verbose;
  verbose.set_verbose(true);
  v1::StatusResponse status;
  runtime::Json told;
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (!absl::StrContains(runtime::DumpJson(told), "the plugin is gone")) {
    ASSERT_LT(absl::Now(), until) << runtime::DumpJson(told);
    ASSERT_TRUE(Call(*runtime_, &Runtime::Status, verbose, &status).ok());
    ASSERT_OK_AND_ASSIGN(
        told, runtime::ParseJson(status.info().at("operations"), "operations"));
  }
  EXPECT_EQ(runtime::StringAt(told.back(), "call"), "end of a stop");
  EXPECT_EQ(runtime::StringAt(told.back(), "object"), "n/p");
  EXPECT_THAT(runtime::StringAt(told.back(), "step"),
              testing::MatchesRegex("waits for another try at "
                                    "[0-9:]+ UTC: .*the plugin is gone"));
}

// Tries that fail until a test says so.
class UnfinishedStopsTest : public testing::Test {
 protected:
  UnfinishedStops::Options Options() {
    UnfinishedStops::Options options;
    options.executor = &executor_;
    options.stop = [this](const sandbox::SandboxPtr&) {
      absl::MutexLock lock(&mutex_);
      return ++tries_ < succeeds_at_ ? absl::UnavailableError("not yet")
                                     : absl::OkStatus();
    };
    options.first_pause = absl::Milliseconds(1);
    return options;
  }
  void AwaitTries(int count) {
    auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return tries_ >= count;
    };
    absl::MutexLock lock(&mutex_);
    EXPECT_TRUE(
        mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Seconds(20)));
  }
  int Tries() {
    absl::MutexLock lock(&mutex_);
    return tries_;
  }

  absl::Mutex mutex_;
  int tries_ ABSL_GUARDED_BY(mutex_) = 0;
  int succeeds_at_ ABSL_GUARDED_BY(mutex_) = 3;
  runtime::Executor executor_{"test", 2};
  sandbox::SandboxPtr sandbox_ = std::make_shared<sandbox::Sandbox>(&executor_);
};

TEST_F(UnfinishedStopsTest, AreTriedUntilTheySucceed) {
  UnfinishedStops stops(Options());
  stops.Add(sandbox_);
  AwaitTries(3);
  executor_.Stop();
  EXPECT_EQ(Tries(), 3);
  EXPECT_TRUE(stops.List().empty());
}

// Torn down, but its record does not say so.
TEST_F(UnfinishedStopsTest, AreTriedUntilTheRecordHoldsTheEnd) {
  UnfinishedStops stops(Options());
  sandbox_->SetTornDown();
  stops.Add(sandbox_);
  AwaitTries(3);
  executor_.Stop();
}

TEST_F(UnfinishedStopsTest, AreNoNewsWhenTheServerEndsThem) {
  UnfinishedStops::Options options = Options();
  std::unique_ptr<UnfinishedStops> stops;
  options.stop = [&](const sandbox::SandboxPtr&) {
    stops->End();
    return absl::CancelledError("the server ends");
  };
  stops = std::make_unique<UnfinishedStops>(options);
  testing::internal::CaptureStderr();
  stops->Add(sandbox_);
  executor_.Stop();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_TRUE(stops->List().empty());
}

TEST_F(UnfinishedStopsTest, AreLeftAloneOnceSomebodyElseHasDoneIt) {
  UnfinishedStops stops(Options());
  sandbox_->SetStopped();
  stops.Add(sandbox_);
  executor_.Stop();
  EXPECT_EQ(Tries(), 0);
}

TEST_F(UnfinishedStopsTest, WaitNoLongerThanTheServerLives) {
  UnfinishedStops::Options options = Options();
  options.first_pause = absl::Hours(1);
  UnfinishedStops stops(options);
  stops.Add(sandbox_);
  executor_.Stop();
  EXPECT_EQ(Tries(), 1);
  ASSERT_EQ(stops.List().size(), 1u);
  EXPECT_EQ(stops.List()[0].reason, "not yet");
  sandbox_->SetStopped();
  EXPECT_TRUE(stops.List().empty()) << "somebody else has done it";
}

}  // namespace
}  // namespace cri::server
