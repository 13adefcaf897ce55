// SPDX-License-Identifier: Apache-2.0
#include "agent/command/view.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/text.h"

namespace agent::command {
namespace {

using runtime::Json;
using runtime::OneLine;
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

// "RunPodSandbox of default/web, 12s: network: CNI plugin x, 11s", and below
// it who is where.
std::string FormatOperation(const OperationRow& row) {
  std::string text = absl::StrCat("  ", row.call);
  if (!row.object.empty()) absl::StrAppend(&text, " of ", OneLine(row.object));
  absl::StrAppend(&text, ", ", Age(row.took));
  if (!row.step.empty()) {
    absl::StrAppend(&text, ": ", OneLine(row.step));
    // Only where it says more than the time of the whole.
    if (row.took - row.step_took >= absl::Seconds(1)) {
      absl::StrAppend(&text, ", ", Age(row.step_took));
    }
  }
  for (const std::string& where : row.where) {
    absl::StrAppend(&text, "\n    ", OneLine(where));
  }
  return text + "\n";
}

// What keeps a pod, a line each.
std::vector<std::string> NotesOf(const PodRow& pod) {
  std::vector<std::string> notes;
  const std::string name = absl::StrCat(pod.ns, "/", pod.name);
  if (!pod.message.empty()) {
    notes.push_back(absl::StrCat(name, ": ", pod.message));
  }
  for (const std::string& wait : pod.waits) {
    notes.push_back(absl::StrCat(name, " waits for ", wait));
  }
  for (const ContainerRow& row : pod.containers) {
    if (row.state == "running" && row.ready) continue;
    if (row.state == "terminated" && pod.phase == "Succeeded") continue;
    notes.push_back(absl::StrCat(
        name, " container ", row.name, " is ",
        row.state == "running" ? "running, not ready" : row.state,
        row.reason.empty() ? "" : absl::StrCat(" (", row.reason, ")"),
        row.message.empty() ? "" : absl::StrCat(": ", row.message)));
  }
  return notes;
}

}  // namespace

std::vector<OperationRow> RowsOfOperations(const Json& operations) {
  std::vector<OperationRow> rows;
  if (!operations.is_array()) return rows;
  for (const Json& item : operations) {
    OperationRow row;
    row.call = StringAt(item, "call");
    row.object = StringAt(item, "object");
    row.step = StringAt(item, "step");
    row.took = SecondsAt(item, "seconds");
    row.step_took = SecondsAt(item, "step_seconds");
    for (const Json& where : runtime::ArrayAt(item, "where")) {
      if (where.is_string()) row.where.push_back(where.get<std::string>());
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void AddWaits(const Json& waits, std::vector<PodRow>* pods) {
  if (!waits.is_array()) return;
  for (const Json& item : waits) {
    for (PodRow& pod : *pods) {
      if (pod.uid != StringAt(item, "uid")) continue;
      for (const Json& wait : runtime::ArrayAt(item, "waits")) {
        std::string text = StringAt(wait, "text");
        if (runtime::Has(wait, "seconds")) {
          absl::StrAppend(&text, "; in ", Age(SecondsAt(wait, "seconds")));
        }
        pod.waits.push_back(std::move(text));
      }
    }
  }
}

absl::Duration SecondsAt(const Json& json, absl::string_view key) {
  const Json& value = runtime::At(json, key);
  return value.is_number() ? absl::Seconds(value.get<double>())
                           : absl::ZeroDuration();
}

std::string Table(std::vector<std::vector<std::string>> rows) {
  std::vector<size_t> widths;
  for (auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = OneLine(row[i]);
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
    absl::StrAppend(&out, "  ", OneLine(why), "\n");
  }
  if (!view.from_agent) {
    absl::StrAppend(&out,
                    "No node agent runs here; this is what the CRI "
                    "server knows.\n");
  }
  if (!view.image_budget.empty()) {
    absl::StrAppend(&out, "Image budget not met: ", OneLine(view.image_budget),
                    "\n");
  }
  if (!view.operations.empty()) absl::StrAppend(&out, "\nUnder way:\n");
  for (const OperationRow& row : view.operations) {
    absl::StrAppend(&out, FormatOperation(row));
  }
  if (view.pods.empty()) return absl::StrCat(out, "\nNo pods.\n");
  std::vector<std::vector<std::string>> rows = {
      {"NAMESPACE", "POD", "READY", "STATUS", "RESTARTS", "IP", "AGE"}};
  std::string notes;
  for (const PodRow& pod : view.pods) {
    int64_t ready = 0, restarts = 0;
    for (const std::string& note : NotesOf(pod)) {
      absl::StrAppend(&notes, OneLine(note), "\n");
    }
    for (const ContainerRow& row : pod.containers) {
      ready += row.ready ? 1 : 0;
      restarts += row.restarts;
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
                    {"waits", pod.waits},
                    {"containers", containers}});
  }
  Json operations = Json::array();
  for (const OperationRow& row : view.operations) {
    operations.push_back({{"call", row.call},
                          {"object", row.object},
                          {"seconds", absl::ToDoubleSeconds(row.took)},
                          {"step", row.step},
                          {"stepSeconds", absl::ToDoubleSeconds(row.step_took)},
                          {"where", row.where}});
  }
  return {{"runtime", view.runtime},
          {"ready", view.not_ready.empty()},
          {"notReady", view.not_ready},
          {"imageBudget", view.image_budget},
          {"agent", view.from_agent},
          {"operations", operations},
          {"pods", pods}};
}

}  // namespace agent::command
