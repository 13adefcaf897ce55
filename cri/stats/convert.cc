// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/convert.h"

#include <algorithm>

namespace cri::stats {
namespace {

namespace v1 = ::runtime::v1;
using runtime::cgroup::Pressure;

void SetLine(const Pressure::Line& line, v1::PsiData& out) {
  out.set_total(line.total_us * 1000);
  out.set_avg10(line.avg10);
  out.set_avg60(line.avg60);
  out.set_avg300(line.avg300);
}

template <typename Usage>
void SetPressure(const std::optional<Pressure>& pressure, Usage& out) {
  if (!pressure.has_value()) return;
  SetLine(pressure->some, *out.mutable_psi()->mutable_some());
  SetLine(pressure->full, *out.mutable_psi()->mutable_full());
}

template <typename Usage>
Usage At(const Sample& sample) {
  Usage usage;
  usage.set_timestamp(absl::ToUnixNanos(sample.at));
  return usage;
}

uint64_t Left(uint64_t limit, uint64_t used) {
  return limit - std::min(limit, used);
}

void SetInterface(const Interface& from, v1::NetworkInterfaceUsage& out) {
  out.set_name(from.name);
  out.mutable_rx_bytes()->set_value(from.received.bytes);
  out.mutable_rx_errors()->set_value(from.received.errors);
  out.mutable_tx_bytes()->set_value(from.sent.bytes);
  out.mutable_tx_errors()->set_value(from.sent.errors);
}

}  // namespace

v1::ContainerAttributes AttributesOf(const container::Container& container) {
  v1::ContainerAttributes attributes;
  attributes.set_id(container.id);
  *attributes.mutable_metadata() = container.config.metadata();
  *attributes.mutable_labels() = container.config.labels();
  *attributes.mutable_annotations() = container.config.annotations();
  return attributes;
}

v1::PodSandboxAttributes AttributesOf(const sandbox::Sandbox& sandbox) {
  v1::PodSandboxAttributes attributes;
  attributes.set_id(sandbox.id);
  *attributes.mutable_metadata() = sandbox.config.metadata();
  *attributes.mutable_labels() = sandbox.config.labels();
  *attributes.mutable_annotations() = sandbox.config.annotations();
  return attributes;
}

v1::CpuUsage ToCpu(const Sample& sample) {
  auto cpu = At<v1::CpuUsage>(sample);
  cpu.mutable_usage_core_nano_seconds()->set_value(sample.usage.cpu_ns);
  if (sample.nano_cores.has_value()) {
    cpu.mutable_usage_nano_cores()->set_value(*sample.nano_cores);
  }
  SetPressure(sample.usage.cpu_pressure, cpu);
  return cpu;
}

v1::MemoryUsage ToMemory(const Sample& sample) {
  const runtime::cgroup::Usage& usage = sample.usage;
  auto memory = At<v1::MemoryUsage>(sample);
  memory.mutable_working_set_bytes()->set_value(usage.working_set);
  if (usage.memory_limit.has_value()) {
    memory.mutable_available_bytes()->set_value(
        Left(*usage.memory_limit, usage.working_set));
  }
  memory.mutable_usage_bytes()->set_value(usage.memory);
  memory.mutable_rss_bytes()->set_value(usage.rss);
  memory.mutable_page_faults()->set_value(usage.page_faults);
  memory.mutable_major_page_faults()->set_value(usage.major_page_faults);
  SetPressure(usage.memory_pressure, memory);
  return memory;
}

v1::SwapUsage ToSwap(const Sample& sample) {
  auto swap = At<v1::SwapUsage>(sample);
  swap.mutable_swap_usage_bytes()->set_value(sample.usage.swap);
  if (sample.usage.swap_limit.has_value()) {
    swap.mutable_swap_available_bytes()->set_value(
        Left(*sample.usage.swap_limit, sample.usage.swap));
  }
  return swap;
}

v1::IoUsage ToIo(const Sample& sample) {
  auto io = At<v1::IoUsage>(sample);
  SetPressure(sample.usage.io_pressure, io);
  return io;
}

v1::ProcessUsage ToProcess(const Sample& sample) {
  auto process = At<v1::ProcessUsage>(sample);
  if (sample.usage.tasks.has_value()) {
    process.mutable_process_count()->set_value(*sample.usage.tasks);
  }
  return process;
}

v1::FilesystemUsage ToFilesystem(const LayerUsage::Known& known,
                                 const std::string& mountpoint) {
  v1::FilesystemUsage filesystem;
  filesystem.set_timestamp(absl::ToUnixNanos(known.at));
  filesystem.mutable_fs_id()->set_mountpoint(mountpoint);
  filesystem.mutable_used_bytes()->set_value(known.usage.bytes);
  filesystem.mutable_inodes_used()->set_value(known.usage.inodes);
  return filesystem;
}

v1::NetworkUsage ToNetwork(const std::vector<Interface>& interfaces) {
  v1::NetworkUsage network;
  network.set_timestamp(absl::ToUnixNanos(absl::Now()));
  for (size_t i = 0; i < interfaces.size(); ++i) {
    SetInterface(interfaces[i], i == 0 ? *network.mutable_default_interface()
                                       : *network.add_interfaces());
  }
  return network;
}

}  // namespace cri::stats
