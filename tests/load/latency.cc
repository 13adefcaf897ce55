// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/load/load.h"

namespace tests::load {
namespace {

// The times of every operation, in the order of their first calls.
class Stopwatch {
 public:
  template <typename Operation>
  void Time(const char* what, const Operation& operation) {
    const absl::Time start = absl::Now();
    const grpc::Status status = operation();
    const double took = absl::ToDoubleMilliseconds(absl::Now() - start);
    if (!status.ok()) Fail(what, status);
    auto found = std::find_if(times_.begin(), times_.end(),
                              [&](auto& entry) { return entry.first == what; });
    if (found == times_.end()) found = times_.insert(found, {what, {}});
    found->second.push_back(took);
  }

  void Print() {
    for (auto& [what, times] : times_) {
      std::sort(times.begin(), times.end());
      absl::PrintF("%s\t%.2f\t%.2f\t%.2f\n", what, At(times, 50), At(times, 90),
                   At(times, 99));
    }
  }

 private:
  static double At(const std::vector<double>& sorted, double percent) {
    const double last = static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<size_t>(std::lround(last * percent / 100))];
  }

  std::vector<std::pair<std::string, std::vector<double>>> times_;
};

std::string Unique() { return absl::StrCat(absl::ToUnixNanos(absl::Now())); }

void LiveOnce(Client& client, const PodName& pod, Stopwatch& watch) {
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
  watch.Time("StopContainer", [&] { return client.StopContainer(container); });
  watch.Time("RemoveContainer",
             [&] { return client.RemoveContainer(container); });
  watch.Time("StopPodSandbox", [&] { return client.StopPod(id); });
  watch.Time("RemovePodSandbox", [&] { return client.RemovePod(id); });
}

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

void Measure(Client& client, int samples) {
  constexpr int kWarmUps = 5;
  Stopwatch watch, unused;
  for (int i = -kWarmUps; i < samples; ++i) {
    LiveOnce(client, {absl::StrCat("sample-", i + kWarmUps), Unique()},
             i < 0 ? unused : watch);
  }
  watch.Print();
}

}  // namespace tests::load
