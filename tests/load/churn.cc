// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/load/load.h"

namespace tests::load {
namespace {

using Random = std::mt19937_64;

// What a client sees of its own giving up, and of a server that was killed.
bool MayRetry(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::CANCELLED ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::UNAVAILABLE;
}

class Life {
 public:
  Life(Client& client, int number, uint64_t seed, const std::string& handler)
      : client_(client),
        random_(seed + static_cast<uint64_t>(number)),
        pod_{absl::StrCat("pod-", number), absl::StrCat(seed, "-", number)} {
    if (OneIn(4)) pod_.host_port = kFirstPort + number;
    if (OneIn(8)) pod_.handler = handler;
  }

  void Live() {
    std::string id;
    // Some clients give up and never come back; Drain finds what they left.
    if (OneIn(8)) {
      (void)client_.RunPod(pod_, &id, Impatient());
      return;
    }
    Insist("RunPodSandbox",
           [&](Limits limits) { return client_.RunPod(pod_, &id, limits); });
    const int containers = Below(3);
    for (int i = 0; i < containers; ++i) LiveInside(id, absl::StrCat("c", i));
    if (OneIn(2)) {
      Insist("StopPodSandbox",
             [&](Limits limits) { return client_.StopPod(id, limits); });
    }
    if (OneIn(8)) return;
    Insist("RemovePodSandbox",
           [&](Limits limits) { return client_.RemovePod(id, limits); });
  }

 private:
  void LiveInside(const std::string& pod_id, const std::string& name) {
    std::string id;
    Insist("CreateContainer", [&](Limits limits) {
      return client_.CreateContainer(pod_, pod_id, name, &id, limits);
    });
    if (OneIn(6)) return;
    Insist("StartContainer", [&](Limits limits) {
      const grpc::Status status = client_.StartContainer(id, limits);
      if (status.ok() || MayRetry(status)) return status;
      // An earlier try, given up by this client, may have started it.
      v1::ContainerState state = v1::CONTAINER_CREATED;
      const grpc::Status asked = client_.ContainerState(id, &state);
      // The server was killed between the two: both are asked again.
      if (MayRetry(asked)) return asked;
      if (asked.ok() && state == v1::CONTAINER_RUNNING) return asked;
      return status;
    });
    if (OneIn(2)) {
      Insist("ExecSync",
             [&](Limits limits) { return client_.ExecTrue(id, limits); });
    }
    if (OneIn(2)) {
      Insist("StopContainer",
             [&](Limits limits) { return client_.StopContainer(id, limits); });
    }
    if (OneIn(3)) {
      Insist("RemoveContainer", [&](Limits limits) {
        return client_.RemoveContainer(id, limits);
      });
    }
  }

  // Calls until it succeeds, the first time perhaps with little patience.
  template <typename Operation>
  void Insist(const char* what, const Operation& operation) {
    const absl::Time end = absl::Now() + absl::Minutes(2);
    grpc::Status status = operation(OneIn(2) ? Impatient() : Limits());
    while (!status.ok()) {
      if (!MayRetry(status) || absl::Now() > end) {
        Fail(absl::StrCat(what, " of ", pod_.name), status);
      }
      absl::SleepFor(absl::Milliseconds(20));
      status = operation(Limits());
    }
  }

  Limits Impatient() {
    const absl::Duration moment = absl::Microseconds(Below(20000));
    return OneIn(2) ? Limits{.timeout = moment}
                    : Limits{.cancel_after = moment};
  }
  int Below(int bound) {
    return static_cast<int>(random_() % static_cast<uint64_t>(bound));
  }
  bool OneIn(int bound) { return Below(bound) == 0; }

  // Below those that sockets of this host get by themselves.
  static constexpr int kFirstPort = 2000;

  Client& client_;
  Random random_;
  PodName pod_;
};

}  // namespace

void ForEach(int count, int at_once, const std::function<void(int)>& work) {
  std::atomic<int> next = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < at_once; ++i) {
    workers.emplace_back([&] {
      for (int index = next++; index < count; index = next++) work(index);
    });
  }
  for (std::thread& worker : workers) worker.join();
}

void Churn(Client& client, int pods, int at_once, uint64_t seed,
           const std::string& handler) {
  ForEach(pods, at_once,
          [&](int index) { Life(client, index, seed, handler).Live(); });
}

void Drain(Client& client) {
  const absl::Time end = absl::Now() + absl::Minutes(5);
  // A run that its client gave up may come to its end between two listings.
  for (int quiet = 0; quiet < 3;) {
    std::vector<std::string> pods;
    const grpc::Status listed = client.ListPods(&pods);
    if (listed.ok() && pods.empty()) {
      ++quiet;
      absl::SleepFor(absl::Milliseconds(100));
      continue;
    }
    quiet = 0;
    if (absl::Now() > end) Fail("pods do not go", listed);
    ForEach(static_cast<int>(pods.size()), 16, [&](int index) {
      const std::string& id = pods[static_cast<size_t>(index)];
      const grpc::Status status = client.RemovePod(id);
      if (!status.ok() && !MayRetry(status)) Fail("removal of " + id, status);
    });
  }
  std::vector<std::string> containers;
  const grpc::Status listed = client.ListContainers(&containers);
  if (!listed.ok() || !containers.empty()) {
    Fail(absl::StrCat(containers.size(), " containers without a pod"), listed);
  }
}

}  // namespace tests::load
