// SPDX-License-Identifier: Apache-2.0
#include "agent/server/resource_metrics.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "agent/server/family.h"
#include "agent/server/metrics.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::server {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::Json;
using runtime::StringAt;

constexpr double kNanos = 1e9;

// The three that a node, a pod and a container have alike.
class UsageFamilies {
 public:
  explicit UsageFamilies(absl::string_view of)
      : cpu_(absl::StrCat(of, "_cpu_usage_seconds_total"), "counter",
             absl::StrCat("Processor time used by the ", of, ".")),
        memory_(absl::StrCat(of, "_memory_working_set_bytes"), "gauge",
                absl::StrCat("Working set of the ", of, ".")),
        swap_(absl::StrCat(of, "_swap_usage_bytes"), "gauge",
              absl::StrCat("Swap used by the ", of, ".")) {}

  void Add(const std::string& labels, const Usage& usage) {
    cpu_.Add(labels, static_cast<double>(usage.cpu_ns) / kNanos, usage.at);
    memory_.Add(labels, static_cast<double>(usage.working_set_bytes), usage.at);
    if (usage.swap_bytes.has_value()) {
      swap_.Add(labels, static_cast<double>(*usage.swap_bytes), usage.at);
    }
  }
  std::string Text() const {
    return cpu_.Text() + memory_.Text() + swap_.Text();
  }

 private:
  Family cpu_, memory_, swap_;
};

// "containerd://<id>" → when it started, of containers that run.
std::map<std::string, absl::Time> Running(
    const Json& pod, std::map<std::string, std::string>* names) {
  std::map<std::string, absl::Time> result;
  for (const char* list : {"initContainerStatuses", "containerStatuses",
                           "ephemeralContainerStatuses"}) {
    for (const Json& status : ArrayAt(At(pod, "status"), list)) {
      std::string id = StringAt(status, "containerID");
      absl::Time start;
      std::string error;
      if (!absl::ParseTime(absl::RFC3339_full,
                           StringAt(status, {"state", "running", "startedAt"}),
                           &start, &error)) {
        continue;
      }
      if (size_t mark = id.find("://"); mark != std::string::npos) {
        id.erase(0, mark + 3);
      }
      result[id] = start;
      (*names)[id] = StringAt(status, "name");
    }
  }
  return result;
}

// A line "MemTotal:  123 kB", in bytes.
std::optional<uint64_t> MemInfo(absl::string_view text, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    uint64_t kilobytes;
    if (!absl::ConsumePrefix(&line, key)) continue;
    absl::ConsumeSuffix(&line, " kB");
    if (absl::SimpleAtoi(line, &kilobytes)) return kilobytes * 1024;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<Usage> NodeUsage() {
  ASSIGN_OR_RETURN(std::string stat, runtime::ReadFile("/proc/stat"));
  ASSIGN_OR_RETURN(std::string memory, runtime::ReadFile("/proc/meminfo"));
  Usage usage;
  usage.at = absl::Now();
  // user nice system idle iowait irq softirq steal …; guests are in user.
  std::vector<absl::string_view> words =
      absl::StrSplit(absl::string_view(stat).substr(0, stat.find('\n')), ' ',
                     absl::SkipEmpty());
  uint64_t ticks = 0;
  for (size_t i : {1, 2, 3, 6, 7}) {
    uint64_t part = 0;
    if (i < words.size() && absl::SimpleAtoi(words[i], &part)) ticks += part;
  }
  usage.cpu_ns =
      ticks *
      (1000000000 / static_cast<uint64_t>(std::max(1L, sysconf(_SC_CLK_TCK))));
  const uint64_t total = MemInfo(memory, "MemTotal:").value_or(0);
  const uint64_t easy = MemInfo(memory, "MemFree:").value_or(0) +
                        MemInfo(memory, "Inactive(file):").value_or(0);
  usage.working_set_bytes = total - std::min(total, easy);
  if (auto swap = MemInfo(memory, "SwapTotal:"); swap.has_value()) {
    usage.swap_bytes =
        *swap - std::min(*swap, MemInfo(memory, "SwapFree:").value_or(0));
  }
  return usage;
}

std::string ResourceMetricsText(
    const absl::StatusOr<Usage>& node,
    const absl::StatusOr<std::vector<PodUsage>>& usage,
    const std::vector<Json>& pods) {
  UsageFamilies of_node("node"), of_pod("pod"), of_container("container");
  Family start("container_start_time_seconds", "gauge",
               "Unix time of the container's start.");
  Family error("resource_scrape_error", "gauge",
               "1 if there was an error while reading usage, else 0.");
  error.Add("", node.ok() && usage.ok() ? 0 : 1);
  if (node.ok()) of_node.Add("", *node);

  std::map<std::string, const PodUsage*> by_uid;
  if (usage.ok()) {
    for (const PodUsage& pod : *usage) {
      const PodUsage*& known = by_uid[pod.uid];
      if (known == nullptr || pod.attempt > known->attempt) known = &pod;
    }
  }
  for (const Json& pod : pods) {
    auto found = by_uid.find(StringAt(pod, {"metadata", "uid"}));
    if (found == by_uid.end()) continue;
    std::map<std::string, std::string> names;
    const std::map<std::string, absl::Time> running = Running(pod, &names);
    if (running.empty()) continue;
    const std::string rest = absl::StrCat(
        "namespace=\"", LabelValue(StringAt(pod, {"metadata", "namespace"})),
        "\",pod=\"", LabelValue(StringAt(pod, {"metadata", "name"})), "\"}");
    of_pod.Add("{" + rest, found->second->usage);
    for (const ContainerUsage& container : found->second->containers) {
      auto since = running.find(container.id);
      if (since == running.end()) continue;
      const std::string labels = absl::StrCat(
          "{container=\"", LabelValue(names[container.id]), "\",", rest);
      of_container.Add(labels, container.usage);
      start.Add(labels,
                absl::ToDoubleSeconds(since->second - absl::UnixEpoch()));
    }
  }
  return absl::StrCat(of_node.Text(), of_pod.Text(), of_container.Text(),
                      start.Text(), error.Text());
}

}  // namespace agent::server
