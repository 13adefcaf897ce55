// SPDX-License-Identifier: Apache-2.0
// A pod with one container, and the cgroups (v2) that it seems to live in.
#ifndef CORACLE_TESTS_UNIT_CRI_STATS_FAKE_POD_H_
#define CORACLE_TESTS_UNIT_CRI_STATS_FAKE_POD_H_

#include <unistd.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>

#include "cri/container/container.h"
#include "cri/stats/sampler.h"
#include "runtime/base/executor.h"
#include "runtime/base/file.h"
#include "tests/support/temp_dir.h"

namespace cri::stats {

class FakePod {
 public:
  FakePod() {
    pod_.sandbox = std::make_shared<sandbox::Sandbox>(&executor_);
    pod_.sandbox->id = "pod1";
    pod_.sandbox->cgroup_parent = "/kubepods/pod1";
    pod_.sandbox->config.mutable_metadata()->set_name("web");
    pod_.sandbox->config.mutable_metadata()->set_namespace_("default");
    // This process stands in for the holder.
    pod_.sandbox->holder_pid = getpid();
    AddContainer("c1");
    SamplerOptions options;
    options.root = dir_.path();
    options.mountpoint = "/mnt";
    options.executor = &executor_;
    options.layout.v2 = true;
    options.layout.hierarchies.push_back({"", dir_ / "cgroup", {}, true});
    options.exists = [this](const std::string& id) {
      return exists_ && gone_.count(id) == 0;
    };
    sampler_ = std::make_unique<Sampler>(options);
  }

  void AddContainer(const std::string& id) {
    auto container = std::make_shared<container::Container>();
    container->id = id;
    container->sandbox = pod_.sandbox;
    container->config.mutable_metadata()->set_name("main");
    container->config.mutable_image()->set_image("busybox:1");
    (*container->config.mutable_labels())["app"] = "web";
    runtime::ContainerState state;
    state.phase = runtime::ContainerPhase::kRunning;
    state.started_at = absl::FromUnixSeconds(1234);
    container->Advance(state);
    pod_.containers.push_back(container);
    runtime::MakeDirs(dir_ / ("containers/" + id + "/upper")).IgnoreError();
  }

  void Exit(size_t container) {
    runtime::ContainerState state;
    state.phase = runtime::ContainerPhase::kExited;
    pod_.containers[container]->Advance(state);
  }

  // Of the pod's cgroup, or with "/c1" of a container's.
  void Write(const std::string& below, const std::string& file,
             const std::string& text) {
    std::string path = dir_ / ("cgroup/kubepods/pod1" + below);
    runtime::MakeDirs(path).IgnoreError();
    std::ofstream(path + "/" + file) << text;  // in place, as the kernel does
  }
  void SetUsage(const std::string& below, int cpu_usec, int memory) {
    Write(below, "cpu.stat", "usage_usec " + std::to_string(cpu_usec) + "\n");
    Write(below, "memory.current", std::to_string(memory) + "\n");
    Write(below, "memory.stat", "inactive_file 10\nanon 20\npgfault 3\n");
    Write(below, "memory.max", "1000\n");
    Write(below, "pids.current", "4\n");
    Write(below, "cgroup.procs", std::to_string(getpid()) + "\n");
  }

  // Pod and containers are removed, but for those who have them in hand.
  void Remove() {
    exists_ = false;
    Forget(pod_.sandbox->id);
    for (const auto& container : pod_.containers) Forget(container->id);
  }
  // One container is removed, but for those who have it in hand.
  void RemoveContainer(const std::string& id) {
    gone_.insert(id);
    Forget(id);
  }
  void Forget(const std::string& id) { sampler_->Forget(id, pod_.sandbox->id); }

  Pod& pod() { return pod_; }
  const container::Container& container() { return *pod_.containers[0]; }
  Sampler& sampler() { return *sampler_; }
  const tests::TempDir& dir() const { return dir_; }

 private:
  tests::TempDir dir_;
  runtime::Executor executor_{"test", 2};
  Pod pod_;
  bool exists_ = true;
  std::set<std::string> gone_;
  std::unique_ptr<Sampler> sampler_;
};

}  // namespace cri::stats

#endif  // CORACLE_TESTS_UNIT_CRI_STATS_FAKE_POD_H_
