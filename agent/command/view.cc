// SPDX-License-Identifier: Apache-2.0
#include "agent/command/view.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace agent::command {
namespace {

using runtime::Json;
using runtime::StringAt;

ContainerRow RowOfContainer(const Json& status) {
  ContainerRow row;
  row.name = StringAt(status, "name");
  row.restarts = runtime::IntAt(status, "restartCount");
  row.ready = runtime::BoolAt(status, "ready");
  for (const auto& [state, detail] :
       runtime::ObjectAt(status, "state").items()) {
    row.state = state;
    row.reason = StringAt(detail, "reason");
    row.message = StringAt(detail, "message");
    if (state == "terminated") {
      row.reason = absl::StrCat(row.reason, row.reason.empty() ? "" : ", ",
                                "exit ", runtime::IntAt(detail, "exitCode"));
    }
  }
  return row;
}

// One word for the STATUS column: what keeps the pod, else its phase.
std::string Word(const PodRow& pod) {
  if (!pod.reason.empty()) return pod.reason;
  for (const ContainerRow& row : pod.containers) {
    if (row.state == "waiting" && !row.reason.empty() &&
        row.reason != "ContainerCreating" && row.reason != "PodInitializing") {
      return row.reason;
    }
  }
  return pod.phase;
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, row[i],
                      std::string(widths[i] - row[i].size() + 3, ' '));
    }
    absl::StrAppend(&out, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return out;
}

}  // namespace

std::string Age(absl::Duration age) {
  const int64_t s = std::max<int64_t>(0, absl::ToInt64Seconds(age));
  const auto two = [](int64_t big, const char* big_unit, int64_t small,
                      const char* small_unit) {
    return small == 0 ? absl::StrCat(big, big_unit)
                      : absl::StrCat(big, big_unit, small, small_unit);
  };
  if (s < 120) return absl::StrCat(s, "s");
  if (s < 600) return two(s / 60, "m", s % 60, "s");
  if (s < 3 * 3600) return absl::StrCat(s / 60, "m");
  if (s < 48 * 3600)
    return two(s / 3600, "h", s < 8 * 3600 ? s / 60 % 60 : 0, "m");
  return two(s / 86400, "d", s < 8 * 86400 ? s / 3600 % 24 : 0, "h");
}

std::vector<PodRow> RowsOfPods(const Json& pods) {
  std::vector<PodRow> rows;
  for (const Json& pod : pods) {
    const Json& metadata = runtime::ObjectAt(pod, "metadata");
    const Json& status = runtime::ObjectAt(pod, "status");
    PodRow row;
    row.ns = StringAt(metadata, "namespace");
    row.name = StringAt(metadata, "name");
    row.uid = StringAt(metadata, "uid");
    row.ip = StringAt(status, "podIP");
    row.phase = StringAt(status, "phase", "Pending");
    row.reason = StringAt(status, "reason");
    row.message = StringAt(status, "message");
    if (runtime::Has(metadata, "deletionTimestamp")) row.reason = "Terminating";
    std::string ignored;
    if (!absl::ParseTime(absl::RFC3339_full,
                         StringAt(status, "startTime",
                                  StringAt(metadata, "creationTimestamp")),
                         &row.created, &ignored)) {
      row.created = absl::Now();
    }
    for (const char* kind : {"initContainerStatuses", "containerStatuses"}) {
      for (const Json& container : runtime::ArrayAt(status, kind)) {
        ContainerRow item = RowOfContainer(container);
        // A finished init container is no news.
        if (kind[0] == 'i' && item.state == "terminated" && item.ready)
          continue;
        row.containers.push_back(std::move(item));
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string FormatView(const View& view, absl::Time now) {
  std::string out =
      absl::StrCat("Runtime ", view.runtime, ": ",
                   view.not_ready.empty() ? "ready" : "not ready", "\n");
  for (const std::string& why : view.not_ready) {
    absl::StrAppend(&out, "  ", why, "\n");
  }
  if (!view.from_agent) {
    absl::StrAppend(&out,
                    "No node agent runs here; this is what the CRI "
                    "server knows.\n");
  }
  if (view.pods.empty()) return absl::StrCat(out, "\nNo pods.\n");
  std::vector<std::vector<std::string>> rows = {
      {"NAMESPACE", "POD", "READY", "STATUS", "RESTARTS", "IP", "AGE"}};
  std::string notes;
  for (const PodRow& pod : view.pods) {
    int64_t ready = 0, restarts = 0;
    const std::string name = absl::StrCat(pod.ns, "/", pod.name);
    if (!pod.message.empty()) {
      absl::StrAppend(&notes, name, ": ", pod.message, "\n");
    }
    for (const ContainerRow& row : pod.containers) {
      ready += row.ready ? 1 : 0;
      restarts += row.restarts;
      if (row.state == "running" && row.ready) continue;
      if (row.state == "terminated" && pod.phase == "Succeeded") continue;
      absl::StrAppend(
          &notes, name, " container ", row.name, " is ",
          row.state == "running" ? "running, not ready" : row.state,
          row.reason.empty() ? "" : absl::StrCat(" (", row.reason, ")"),
          row.message.empty() ? "" : absl::StrCat(": ", row.message), "\n");
    }
    rows.push_back({pod.ns, pod.name,
                    absl::StrCat(ready, "/", pod.containers.size()), Word(pod),
                    absl::StrCat(restarts), pod.ip.empty() ? "-" : pod.ip,
                    Age(now - pod.created)});
  }
  absl::StrAppend(&out, "\n", Table(rows));
  if (!notes.empty()) absl::StrAppend(&out, "\n", notes);
  return out;
}

Json ViewJson(const View& view) {
  Json pods = Json::array();
  for (const PodRow& pod : view.pods) {
    Json containers = Json::array();
    for (const ContainerRow& row : pod.containers) {
      containers.push_back({{"name", row.name},
                            {"state", row.state},
                            {"reason", row.reason},
                            {"message", row.message},
                            {"restarts", row.restarts},
                            {"ready", row.ready}});
    }
    pods.push_back({{"namespace", pod.ns},
                    {"name", pod.name},
                    {"uid", pod.uid},
                    {"ip", pod.ip},
                    {"phase", pod.phase},
                    {"reason", pod.reason},
                    {"message", pod.message},
                    {"containers", containers}});
  }
  return {{"runtime", view.runtime},
          {"ready", view.not_ready.empty()},
          {"notReady", view.not_ready},
          {"agent", view.from_agent},
          {"pods", pods}};
}

}  // namespace agent::command
