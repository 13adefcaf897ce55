// SPDX-License-Identifier: Apache-2.0
// Several readers of GetContainerEvents, each with a speed of its own.
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cri/server/server_fixture.h"

namespace cri::server {
namespace {

using ::testing::ElementsAre;
using Event = v1::ContainerEventResponse;

class EventReadersTest : public ServerTest {
 protected:
  struct Reader {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderInterface<Event>> stream;
    std::vector<Event> got;

    // At most this many more.
    void Read(size_t most) {
      Event event;
      while (most-- > 0 && stream->Read(&event)) got.push_back(event);
    }
    // Of what and when they tell, in order.
    std::vector<std::pair<std::string, int>> Story() const {
      std::vector<std::pair<std::string, int>> story;
      for (const Event& event : got) {
        story.emplace_back(event.container_id(), event.container_event_type());
      }
      return story;
    }
  };

  std::unique_ptr<Reader> Subscribe() {
    auto reader = std::make_unique<Reader>();
    reader->stream =
        runtime_->GetContainerEvents(&reader->context, v1::GetEventsRequest());
    reader->stream->WaitForInitialMetadata();
    return reader;
  }

  void RunAndRemove(const std::string& name) {
    v1::RemovePodSandboxRequest remove;
    remove.set_pod_sandbox_id(RunPod(name));
    v1::RemovePodSandboxResponse removed;
    EXPECT_TRUE(
        Call(*runtime_, &Runtime::RemovePodSandbox, remove, &removed).ok());
  }
};

// The slow one takes one event for each pod that tells four, and the late one
// none before all pods are gone: no call waits for them, nor the quick one.
TEST_F(EventReadersTest, AllGetTheSameAtTheirOwnSpeed) {
  constexpr size_t kClients = 4, kPods = 60, kAll = kClients * kPods * 4;
  const auto quick = Subscribe(), slow = Subscribe(), late = Subscribe();
  std::thread reader([&] { quick->Read(kAll); });
  std::vector<std::thread> clients;
  for (size_t client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      for (size_t pod = 0; pod < kPods; ++pod) {
        RunAndRemove(absl::StrCat("p", client, "-", pod));
        if (client == 0) slow->Read(1);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  reader.join();
  EXPECT_EQ(quick->got.size(), kAll);
  EXPECT_EQ(slow->got.size(), kPods);
  slow->Read(kAll - kPods);
  late->Read(kAll);
  EXPECT_TRUE(quick->Story() == late->Story());
  EXPECT_TRUE(slow->Story() == late->Story());
  std::map<std::string, std::vector<int>> pods;
  int64_t last = 0;
  for (const Event& event : late->got) {
    EXPECT_GE(event.created_at(), last) << "time went back";
    last = event.created_at();
    pods[event.container_id()].push_back(event.container_event_type());
  }
  EXPECT_EQ(pods.size(), kClients * kPods);
  for (const auto& [pod, types] : pods)
    EXPECT_THAT(types, ElementsAre(0, 1, 2, 3));
  for (const auto* each : {&quick, &slow, &late}) (*each)->context.TryCancel();
}

}  // namespace
}  // namespace cri::server
