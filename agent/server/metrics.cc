// SPDX-License-Identifier: Apache-2.0
#include "agent/server/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/server/family.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"

namespace agent::server {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::Json;
using runtime::StringAt;

void Add(std::string* out, absl::string_view name, absl::string_view type,
         absl::string_view help, absl::string_view labels, double value) {
  Family family(name, type, help);
  family.Add(labels, value);
  *out += family.Text();
}

void AddPulls(std::string* out, const std::vector<ImagePull>& pulls) {
  Family size("coracle_image_pull_size_bytes", "gauge",
              "Size of the layers that an image lacked, once it is known.");
  Family done("coracle_image_pull_done_bytes", "gauge",
              "How much of them is here.");
  for (const ImagePull& pull : pulls) {
    if (pull.bytes == 0) continue;
    const std::string labels =
        absl::StrCat("{image=\"", LabelValue(pull.image), "\"}");
    size.Add(labels, static_cast<double>(pull.bytes));
    done.Add(labels, static_cast<double>(pull.bytes_done));
  }
  Add(out, "coracle_image_pulls", "gauge", "Number of images being pulled.", "",
      static_cast<double>(pulls.size()));
  absl::StrAppend(out, size.Text(), done.Text());
}

// A process that started before this one was asked for the first time.
absl::Time StartTime() {
  static const absl::Time start = absl::Now();
  return start;
}

void AddProcess(std::string* out) {
  int64_t size = 0, resident = 0;
  if (absl::StatusOr<std::string> statm =
          runtime::ReadFile("/proc/self/statm", 4096);
      statm.ok()) {
    std::vector<std::string> fields = absl::StrSplit(*statm, ' ');
    if (fields.size() > 1 && absl::SimpleAtoi(fields[0], &size) &&
        absl::SimpleAtoi(fields[1], &resident)) {
      double page = static_cast<double>(sysconf(_SC_PAGESIZE));
      Add(out, "process_virtual_memory_bytes", "gauge",
          "Virtual memory size in bytes.", "",
          static_cast<double>(size) * page);
      Add(out, "process_resident_memory_bytes", "gauge",
          "Resident memory size in bytes.", "",
          static_cast<double>(resident) * page);
    }
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) +
             static_cast<double>(t.tv_usec) / 1e6;
    };
    Add(out, "process_cpu_seconds_total", "counter",
        "Total user and system CPU time spent in seconds.", "",
        seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  if (auto fds = runtime::ListDir("/proc/self/fd"); fds.ok()) {
    Add(out, "process_open_fds", "gauge", "Number of open file descriptors.",
        "", static_cast<double>(fds->size()));
  }
  if (auto threads = runtime::ListDir("/proc/self/task"); threads.ok()) {
    Add(out, "process_threads", "gauge", "Number of threads.", "",
        static_cast<double>(threads->size()));
  }
  Add(out, "process_start_time_seconds", "gauge",
      "Start time of the server since the epoch in seconds.", "",
      absl::ToDoubleSeconds(StartTime() - absl::UnixEpoch()));
}

}  // namespace

std::string LabelValue(absl::string_view text) {
  return absl::StrReplaceAll(text,
                             {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}});
}

std::string MetricsText(const std::string& node_name, Pods& pods,
                        const std::optional<std::vector<ImagePull>>& pulls) {
  std::string out;
  std::map<std::string, int> containers;
  int running = 0;
  for (const Json& pod : pods.List()) {
    bool any = false;
    for (absl::string_view list : {"containerStatuses", "initContainerStatuses",
                                   "ephemeralContainerStatuses"}) {
      for (const Json& status : ArrayAt(At(pod, "status"), list)) {
        const Json& state = At(status, "state");
        if (!state.is_object() || state.empty()) continue;
        std::string name = state.begin().key();
        if (name == "terminated") name = "exited";
        any |= name == "running";
        ++containers[name];
      }
    }
    running += any ? 1 : 0;
  }
  Add(&out, "kubelet_node_name", "gauge",
      "The node's name. The count is always 1.",
      absl::StrCat("{node=\"", LabelValue(node_name), "\"}"), 1);
  Add(&out, "kubelet_running_pods", "gauge",
      "Number of pods that have a running container.", "", running);
  Family by_state("kubelet_running_containers", "gauge",
                  "Number of containers by state.");
  for (const auto& [state, count] : containers) {
    by_state.Add(absl::StrCat("{container_state=\"", LabelValue(state), "\"}"),
                 count);
  }
  out += by_state.Text();
  if (pulls.has_value()) AddPulls(&out, *pulls);
  AddProcess(&out);
  return out;
}

}  // namespace agent::server
