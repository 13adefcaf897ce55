// SPDX-License-Identifier: Apache-2.0
// Stops that the server before did not bring to their end.
#include "cri/sandbox/record_file.h"
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

}  // namespace
}  // namespace cri::server
