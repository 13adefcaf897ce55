// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/metrics.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cri/stats/devices.h"

namespace cri::stats {
namespace {

namespace v1 = ::runtime::v1;

std::vector<std::string> LabelsOf(const container::Container& container) {
  const v1::PodSandboxMetadata& pod = container.sandbox->config.metadata();
  const v1::ImageSpec& image = container.config.image();
  return {container.config.metadata().name(),
          container.CgroupPath(),
          image.user_specified_image().empty() ? image.image()
                                               : image.user_specified_image(),
          container.id,
          pod.namespace_(),
          pod.name()};
}

std::vector<std::string> LabelsOf(const sandbox::Sandbox& sandbox) {
  const v1::PodSandboxMetadata& pod = sandbox.config.metadata();
  return {"",         sandbox.cgroup_parent, "",
          sandbox.id, pod.namespace_(),      pod.name()};
}

}  // namespace

const std::vector<const char*>& CommonKeys() {
  static const auto* const kKeys = new std::vector<const char*>{
      "container", "id", "image", "name", "namespace", "pod"};
  return *kKeys;
}

std::vector<v1::MetricDescriptor> Descriptors(bool has_pressure) {
  std::vector<v1::MetricDescriptor> descriptors;
  for (const Family& family : Families()) {
    if (family.needs_pressure && !has_pressure) continue;
    v1::MetricDescriptor& out = descriptors.emplace_back();
    out.set_name(family.name);
    out.set_help(family.help);
    for (const char* key : CommonKeys()) out.add_label_keys(key);
    for (const char* key : family.keys) out.add_label_keys(key);
  }
  return descriptors;
}

void Series::Begin(const char* name, v1::MetricType type) {
  name_ = name;
  type_ = type;
}

void Series::Add(uint64_t value, const std::vector<std::string>& extra) {
  v1::Metric& metric = *out_.Add();
  metric.set_name(name_);
  metric.set_metric_type(type_);
  metric.set_timestamp(absl::ToUnixNanos(at_));
  for (const std::string& label : labels_) metric.add_label_values(label);
  for (const std::string& label : extra) metric.add_label_values(label);
  metric.mutable_value()->set_value(value);
}

v1::ContainerMetrics Sampler::MetricsOf(const container::Container& container) {
  v1::ContainerMetrics metrics;
  metrics.set_container_id(container.id);
  ContainerReading reading;
  reading.state = container.GetState();
  reading.resources = container.Resources();
  // Nothing is better than zeros that look like values.
  if (reading.state.phase == runtime::ContainerPhase::kExited) return metrics;
  SourcePtr source = Find(container);
  reading.sample = Read(*source);
  {
    absl::MutexLock lock(&source->mutex);
    absl::StatusOr<runtime::cgroup::Details> details =
        source->meter.ReadDetails();
    if (!details.ok()) return metrics;  // it vanished
    reading.details = *std::move(details);
  }
  reading.layer = source->layer->Get();
  const std::string path = LayerPath(container);
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) {
    reading.device_major = major(info.st_dev);
    reading.device_minor = minor(info.st_dev);
  }
  if (statvfs(path.c_str(), &reading.filesystem) != 0) reading.filesystem = {};
  reading.descriptors = CountDescriptors(reading.details.processes);
  Series series(LabelsOf(container), reading.sample.at,
                *metrics.mutable_metrics());
  for (const Family& family : Families()) {
    if (family.of_container == nullptr) continue;
    series.Begin(family.name, family.type);
    family.of_container(reading, series);
  }
  return metrics;
}

v1::PodSandboxMetrics Sampler::MetricsOf(const Pod& pod) {
  v1::PodSandboxMetrics metrics;
  metrics.set_pod_sandbox_id(pod.sandbox->id);
  // With the host's network what there is to see is not the pod's.
  if (pod.sandbox->IsReady() && !pod.sandbox->HostNetwork()) {
    SourcePtr source = Find(*pod.sandbox);
    PodReading reading;
    {
      absl::MutexLock lock(&source->mutex);
      reading.interfaces = source->network->Read();
      reading.sockets = source->network->Sockets();
    }
    Series series(LabelsOf(*pod.sandbox), absl::Now(),
                  *metrics.mutable_metrics());
    for (const Family& family : Families()) {
      if (family.of_pod == nullptr) continue;
      series.Begin(family.name, family.type);
      family.of_pod(reading, series);
    }
  }
  for (const container::ContainerPtr& container : pod.containers) {
    if (container->GetState().phase == runtime::ContainerPhase::kRunning) {
      *metrics.add_container_metrics() = MetricsOf(*container);
    }
  }
  return metrics;
}

}  // namespace cri::stats
