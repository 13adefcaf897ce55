// SPDX-License-Identifier: Apache-2.0
#include "agent/command/pod_usage.h"

#include <utility>

#include "runtime/base/status.h"

namespace agent::command {
namespace {

namespace v1 = ::runtime::v1;

server::Usage ToUsage(const v1::CpuUsage& cpu, const v1::MemoryUsage& memory) {
  server::Usage usage;
  usage.at = absl::FromUnixNanos(cpu.timestamp());
  usage.cpu_ns = cpu.usage_core_nano_seconds().value();
  usage.working_set_bytes = memory.working_set_bytes().value();
  return usage;
}

}  // namespace

absl::StatusOr<std::vector<server::PodUsage>> ReadPodUsage(
    cri::Client& client) {
  ASSIGN_OR_RETURN(v1::ListPodSandboxStatsResponse response,
                   client.ListPodSandboxStats());
  std::vector<server::PodUsage> pods;
  for (const v1::PodSandboxStats& stats : response.stats()) {
    server::PodUsage pod;
    pod.uid = stats.attributes().metadata().uid();
    pod.attempt = stats.attributes().metadata().attempt();
    pod.usage = ToUsage(stats.linux().cpu(), stats.linux().memory());
    for (const v1::ContainerStats& container : stats.linux().containers()) {
      server::ContainerUsage usage;
      usage.id = container.attributes().id();
      usage.usage = ToUsage(container.cpu(), container.memory());
      if (container.swap().has_swap_usage_bytes()) {
        const uint64_t swap = container.swap().swap_usage_bytes().value();
        usage.usage.swap_bytes = swap;
        pod.usage.swap_bytes = pod.usage.swap_bytes.value_or(0) + swap;
      }
      pod.containers.push_back(std::move(usage));
    }
    pods.push_back(std::move(pod));
  }
  return pods;
}

absl::StatusOr<std::vector<server::ImagePull>> ReadPulls(cri::Client& client) {
  ASSIGN_OR_RETURN(const auto progress, client.Pulls());
  std::vector<server::ImagePull> pulls;
  for (const cri::PullProgress& one : progress) {
    pulls.push_back({one.image, one.bytes, one.bytes_done});
  }
  return pulls;
}

}  // namespace agent::command
