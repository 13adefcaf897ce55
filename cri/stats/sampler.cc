// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/sampler.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cri/stats/convert.h"
#include "runtime/base/file.h"

namespace cri::stats {

namespace v1 = ::runtime::v1;
using runtime::cgroup::Usage;

Sampler::SourcePtr Sampler::FindOrMake(const std::string& id,
                                       const std::string& cgroup_path,
                                       const std::string& layer_path) {
  absl::MutexLock lock(&mutex_);
  auto it = sources_.find(id);
  if (it != sources_.end()) return it->second;
  auto source = std::make_shared<Source>(options_.layout, cgroup_path);
  if (!layer_path.empty()) {
    source->layer = std::make_shared<LayerUsage>(layer_path, options_.executor);
  }
  if (options_.exists(id)) sources_[id] = source;
  return source;
}

Sampler::SourcePtr Sampler::Find(const container::Container& container) {
  return FindOrMake(container.id, container.CgroupPath(), LayerPath(container));
}

Sampler::SourcePtr Sampler::Find(const sandbox::Sandbox& sandbox) {
  SourcePtr source = FindOrMake(sandbox.id, sandbox.cgroup_parent, "");
  absl::MutexLock lock(&source->mutex);
  // Once the holder is gone its number may be another's.
  if (!source->network.has_value()) {
    source->network.emplace(sandbox.IsReady() ? sandbox.holder_pid : 0);
  }
  return source;
}

std::string Sampler::LayerPath(const container::Container& container) const {
  return absl::StrCat(options_.root, "/containers/", container.id, "/upper");
}

void Sampler::Forget(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  sources_.erase(id);
}

size_t Sampler::Kept() const {
  absl::MutexLock lock(&mutex_);
  return sources_.size();
}

bool Sampler::HasPressure() const {
  const runtime::cgroup::Hierarchy* unified = options_.layout.Unified();
  return unified != nullptr &&
         runtime::Exists(unified->mount_point + "/cpu.pressure");
}

Sample Sampler::Read(Source& source) {
  absl::MutexLock lock(&source.mutex);
  absl::StatusOr<Usage> usage = source.meter.Read();
  Sample sample;
  sample.at = absl::Now();
  if (usage.ok()) {
    sample.usage = *usage;
    source.last = *usage;
  } else {
    sample.usage.cpu_ns = source.last.cpu_ns;
    sample.usage.page_faults = source.last.page_faults;
    sample.usage.major_page_faults = source.last.major_page_faults;
  }
  sample.nano_cores = source.rate.Add(sample.at, sample.usage.cpu_ns);
  return sample;
}

Sample Sampler::ReadSum(Source& source, const std::vector<Sample>& parts) {
  Sample sum;
  for (const Sample& part : parts) {
    sum.usage.cpu_ns += part.usage.cpu_ns;
    sum.usage.memory += part.usage.memory;
    sum.usage.working_set += part.usage.working_set;
    sum.usage.rss += part.usage.rss;
    sum.usage.page_faults += part.usage.page_faults;
    sum.usage.major_page_faults += part.usage.major_page_faults;
    if (part.usage.tasks.has_value()) {
      sum.usage.tasks = sum.usage.tasks.value_or(0) + *part.usage.tasks;
    }
  }
  sum.at = absl::Now();
  absl::MutexLock lock(&source.mutex);
  sum.nano_cores = source.rate.Add(sum.at, sum.usage.cpu_ns);
  return sum;
}

v1::ContainerStats Sampler::ToStats(const container::Container& container,
                                    Source& source, const Sample& read) {
  Sample sample = read;
  // Its cgroup stays until it is removed, with the pages of files that it read,
  // but crictl takes zeros for the sign that a container does not run.
  if (container.GetState().phase == runtime::ContainerPhase::kExited) {
    sample = {};
    sample.at = read.at;
  }
  v1::ContainerStats stats;
  *stats.mutable_attributes() = AttributesOf(container);
  *stats.mutable_cpu() = ToCpu(sample);
  *stats.mutable_memory() = ToMemory(sample);
  *stats.mutable_swap() = ToSwap(sample);
  if (sample.usage.io_pressure.has_value()) {
    *stats.mutable_io() = ToIo(sample);
  }
  if (std::optional<LayerUsage::Known> known = source.layer->Get()) {
    *stats.mutable_writable_layer() = ToFilesystem(*known, options_.mountpoint);
  }
  return stats;
}

v1::ContainerStats Sampler::StatsOf(const container::Container& container) {
  SourcePtr source = Find(container);
  return ToStats(container, *source, Read(*source));
}

v1::PodSandboxStats Sampler::StatsOf(const Pod& pod) {
  v1::PodSandboxStats stats;
  *stats.mutable_attributes() = AttributesOf(*pod.sandbox);
  v1::LinuxPodSandboxStats& out = *stats.mutable_linux();
  std::vector<Sample> parts;
  for (const container::ContainerPtr& container : pod.containers) {
    SourcePtr source = Find(*container);
    parts.push_back(Read(*source));
    *out.add_containers() = ToStats(*container, *source, parts.back());
  }
  SourcePtr source = Find(*pod.sandbox);
  Sample sample = pod.shared_cgroup ? ReadSum(*source, parts) : Read(*source);
  *out.mutable_cpu() = ToCpu(sample);
  *out.mutable_memory() = ToMemory(sample);
  if (sample.usage.io_pressure.has_value()) *out.mutable_io() = ToIo(sample);
  *out.mutable_process() = ToProcess(sample);
  if (!pod.sandbox->HostNetwork()) {
    absl::MutexLock lock(&source->mutex);
    std::vector<Interface> interfaces = source->network->Read();
    if (!interfaces.empty()) *out.mutable_network() = ToNetwork(interfaces);
  }
  return stats;
}

}  // namespace cri::stats
