// SPDX-License-Identifier: Apache-2.0
// The metric families of ListMetricDescriptors and how each gets its values.
// Names, units and labels are those that cAdvisor made common, so that existing
// dashboards work. Values are whole numbers by the API: times are cut to whole
// seconds.
#ifndef CORACLE_CRI_STATS_METRICS_H_
#define CORACLE_CRI_STATS_METRICS_H_

#include <sys/statvfs.h>

#include <optional>
#include <string>
#include <vector>

#include "cri/container/container.h"
#include "cri/stats/interfaces.h"
#include "cri/stats/layer_usage.h"
#include "cri/stats/sampler.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/cgroup/meter.h"

namespace cri::stats {

// All that is known of a running container.
struct ContainerReading {
  container::Container::State state;
  runtime::v1::LinuxContainerResources resources;
  Sample sample;
  runtime::cgroup::Details details;
  std::optional<LayerUsage::Known> layer;
  struct statvfs filesystem {};  // where the layer lies
  unsigned device_major = 0, device_minor = 0;
  uint64_t descriptors = 0;  // open ones, of all processes
};

// Of a pod as a whole.
struct PodReading {
  std::vector<Interface> interfaces;
  uint64_t sockets = 0;
};

// Collects the series of one container or pod.
class Series {
 public:
  using Metrics = google::protobuf::RepeatedPtrField<runtime::v1::Metric>;

  // `labels` are the values of the common keys.
  Series(std::vector<std::string> labels, absl::Time at, Metrics& out)
      : labels_(std::move(labels)), at_(at), out_(out) {}

  void Begin(const char* name, runtime::v1::MetricType type);
  // `extra` are the values of the family's own keys.
  void Add(uint64_t value, const std::vector<std::string>& extra = {});

 private:
  const std::vector<std::string> labels_;
  const absl::Time at_;
  Metrics& out_;
  const char* name_ = nullptr;
  runtime::v1::MetricType type_ = runtime::v1::COUNTER;
};

struct Family {
  const char* name;
  runtime::v1::MetricType type;
  const char* help;
  std::vector<const char*> keys;  // after the common ones
  // One of the two.
  void (*of_container)(const ContainerReading&, Series&) = nullptr;
  void (*of_pod)(const PodReading&, Series&) = nullptr;
  bool needs_pressure = false;
};

// The common label keys, in their order.
const std::vector<const char*>& CommonKeys();
// Constant.
const std::vector<Family>& Families();
std::vector<runtime::v1::MetricDescriptor> Descriptors(bool has_pressure);

}  // namespace cri::stats

#endif  // CORACLE_CRI_STATS_METRICS_H_
