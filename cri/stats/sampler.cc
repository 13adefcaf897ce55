// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/sampler.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cri/stats/convert.h"
#include "runtime/base/file.h"

namespace cri::stats {

namespace v1 = ::runtime::v1;
using runtime::cgroup::Usage;

namespace {

void AddCounters(const Usage& usage, Usage& sum) {
  sum.cpu_ns += usage.cpu_ns;
  sum.page_faults += usage.page_faults;
  sum.major_page_faults += usage.major_page_faults;
}

void AddMoment(const Usage& usage, Usage& sum) {
  sum.memory += usage.memory;
  sum.working_set += usage.working_set;
  sum.rss += usage.rss;
  if (usage.tasks.has_value()) {
    sum.tasks = sum.tasks.value_or(0) + *usage.tasks;
  }
}

// What `seen` has more than `sum`.
Usage CountersAbove(const Usage& sum, const Usage& seen) {
  Usage above;
  above.cpu_ns = seen.cpu_ns - std::min(seen.cpu_ns, sum.cpu_ns);
  above.page_faults =
      seen.page_faults - std::min(seen.page_faults, sum.page_faults);
  above.major_page_faults =
      seen.major_page_faults -
      std::min(seen.major_page_faults, sum.major_page_faults);
  return above;
}

}  // namespace

Sampler::SourcePtr Sampler::FindOrMake(const std::string& id,
                                       const std::string& cgroup_path,
                                       const std::string& layer_path) {
  absl::MutexLock lock(&mutex_);
  auto it = sources_.find(id);
  if (it != sources_.end()) return it->second;
  const bool kept = options_.exists(id);
  auto source = std::make_shared<Source>(options_.layout, cgroup_path, kept);
  if (!layer_path.empty()) {
    source->layer = std::make_shared<LayerUsage>(layer_path, options_.executor);
  }
  if (kept) sources_[id] = source;
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

void Sampler::Forget(const std::string& id, const std::string& pod_id) {
  SourcePtr source;
  {
    absl::MutexLock lock(&mutex_);
    auto it = sources_.find(id);
    if (it == sources_.end()) return;
    source = std::move(it->second);
    sources_.erase(it);
  }
  {
    // Whoever still has it in hand makes it no part of its pod any more.
    absl::MutexLock lock(&source->mutex);
    source->kept = false;
  }
  SourcePtr pod;
  {
    absl::MutexLock lock(&mutex_);
    auto it = sources_.find(pod_id);
    if (it == sources_.end()) return;
    pod = it->second;
  }
  absl::MutexLock pod_lock(&pod->mutex);
  if (pod->parts.erase(source) == 0) return;
  absl::MutexLock lock(&source->mutex);
  AddCounters(source->last, pod->removed);
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

bool Sampler::IsSum(const Pod& pod, Source& source) {
  absl::MutexLock lock(&source.mutex);
  return pod.shared_cgroup || source.is_sum;
}

Sample Sampler::ReadSum(Source& source, const std::vector<Part>& parts) {
  Sample sum;
  for (const Part& part : parts) AddMoment(part.sample.usage, sum.usage);
  absl::MutexLock lock(&source.mutex);
  // Not by the list: between a container's removal and Forget it is not in it.
  for (const Part& part : parts) {
    absl::MutexLock part_lock(&part.source->mutex);
    if (part.source->kept) source.parts.insert(part.source);
  }
  AddCounters(source.removed, sum.usage);
  for (const SourcePtr& part : source.parts) {
    absl::MutexLock part_lock(&part->mutex);
    AddCounters(part->last, sum.usage);
  }
  // So far it was its cgroup, with all that was ever in it.
  if (!source.is_sum) {
    source.removed = CountersAbove(sum.usage, source.last);
    AddCounters(source.removed, sum.usage);
    source.is_sum = true;
  }
  sum.at = absl::Now();
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
  std::vector<Part> parts;
  for (const container::ContainerPtr& container : pod.containers) {
    Part& part = parts.emplace_back();
    part.source = Find(*container);
    part.sample = Read(*part.source);
    *out.add_containers() = ToStats(*container, *part.source, part.sample);
  }
  SourcePtr source = Find(*pod.sandbox);
  Sample sample = IsSum(pod, *source) ? ReadSum(*source, parts) : Read(*source);
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
