// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/load/load.h"
#include "tests/load/questions.h"
#include "tests/load/stopwatch.h"

namespace tests::load {
namespace {

std::string Unique() { return absl::StrCat(absl::ToUnixNanos(absl::Now())); }

// Asks what is to be known of a pod and its container while it runs.
using Questions = std::function<void(
    const std::string& pod, const std::string& container, Stopwatch& watch)>;

void LiveOnce(Client& client, const PodName& pod, const Questions& ask,
              Stopwatch& watch) {
  std::string id, container;
  v1::ContainerState state;
  std::vector<std::string> all;
  watch.Time("RunPodSandbox", [&] { return client.RunPod(pod, &id); });
  watch.Time("CreateContainer", [&] {
    return client.CreateContainer(pod, id, "main", &container);
  });
  watch.Time("StartContainer",
             [&] { return client.StartContainer(container); });
  watch.Time("first ExecSync", [&] { return client.ExecTrue(container); });
  for (int i = 0; i < 3; ++i) {
    watch.Time("ExecSync", [&] { return client.ExecTrue(container); });
  }
  watch.Time("PodSandboxStatus", [&] { return client.PodStatus(id); });
  watch.Time("ContainerStatus",
             [&] { return client.ContainerState(container, &state); });
  watch.Time("ListContainers of a pod",
             [&] { return client.ListContainers(&all, id); });
  ask(id, container, watch);
  watch.Time("StopContainer", [&] { return client.StopContainer(container); });
  watch.Time("RemoveContainer",
             [&] { return client.RemoveContainer(container); });
  watch.Time("StopPodSandbox", [&] { return client.StopPod(id); });
  watch.Time("RemovePodSandbox", [&] { return client.RemovePod(id); });
}

// The directory of the pods' logs, while it lives.
class LogDirectory {
 public:
  ~LogDirectory() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_; }

 private:
  const std::filesystem::path path_ = std::filesystem::temp_directory_path() /
                                      absl::StrCat("cri-load-", getpid());
};

}  // namespace

void Fill(Client& client, int pods) {
  const std::string uid = Unique();
  ForEach(pods, 4, [&](int index) {
    const PodName pod = {absl::StrCat("fill-", index),
                         absl::StrCat(uid, "-", index)};
    std::string id, container;
    grpc::Status status = client.RunPod(pod, &id);
    if (status.ok()) {
      status = client.CreateContainer(pod, id, "main", &container);
    }
    if (status.ok()) status = client.StartContainer(container);
    if (!status.ok()) Fail(pod.name, status);
  });
}

void Live(Client& client, int lives) {
  Stopwatch watch;
  for (int i = 0; i < lives; ++i) {
    const auto nothing = [](auto&, auto&, auto&) {};
    LiveOnce(client, {absl::StrCat("life-", i), Unique()}, nothing, watch);
  }
  watch.Print();
}

void Measure(Client& client, int samples, const std::string& other_image) {
  constexpr int kWarmUps = 5, kLivesForAll = 10;
  LogDirectory logs;
  Stopwatch watch, unused;
  for (int i = -kWarmUps; i < samples; ++i) {
    PodName pod = {absl::StrCat("sample-", i + kWarmUps), Unique()};
    pod.log_directory = logs.path();
    const auto ask = [&](auto& id, auto& container, Stopwatch& times) {
      AskOfOne(client, id, container, times);
      if (i % kLivesForAll != 0) return;
      AskForStreams(client, id, container, times);
      AskOfAll(client, times);
      AskOfImages(client, other_image, times);
    };
    LiveOnce(client, pod, ask, i < 0 ? unused : watch);
  }
  watch.Print();
}

}  // namespace tests::load
