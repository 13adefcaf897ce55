// SPDX-License-Identifier: Apache-2.0
// What runs on this host, as `status` shows it: from the agent's own socket if
// an agent runs there, else from the CRI server alone.
#ifndef CORACLE_AGENT_COMMAND_VIEW_H_
#define CORACLE_AGENT_COMMAND_VIEW_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/json.h"

namespace agent::command {

struct ContainerRow {
  std::string name, state;  // "running", "waiting", "terminated"
  std::string reason, message;
  int64_t restarts = 0;
  bool ready = false;
};

struct PodRow {
  std::string ns, name, uid, ip, phase, reason, message;
  absl::Time created;
  std::vector<ContainerRow> containers;
  std::vector<std::string> waits;  // for what, in words
};

// An operation of the CRI server that is under way.
struct OperationRow {
  std::string call, object, step;  // "RunPodSandbox", "default/web"
  absl::Duration took, step_took;
  std::vector<std::string> where;  // who is in which system call
};

struct View {
  std::string runtime;                 // "coracle 0.1.0"
  std::vector<std::string> not_ready;  // why the runtime is not; empty: ready
  std::string image_budget;            // why it is not met; empty: it is
  bool from_agent = false;
  std::vector<OperationRow> operations;  // the oldest first
  std::vector<PodRow> pods;
};

// UNAVAILABLE if nobody serves the CRI socket.
absl::StatusOr<View> LoadView(const std::string& cri_socket,
                              const std::string& root_dir);

// Rows of the agent's pods (API objects with their status).
std::vector<PodRow> RowsOfPods(const runtime::Json& pods);

// Adds what the agent says its pods wait for.
void AddWaits(const runtime::Json& waits, std::vector<PodRow>* pods);
// Rows of the server's `operations`.
std::vector<OperationRow> RowsOfOperations(const runtime::Json& operations);

// The table and the sentences around it.
std::string FormatView(const View& view, absl::Time now);
runtime::Json ViewJson(const View& view);

// A number of seconds; zero if there is none.
absl::Duration SecondsAt(const runtime::Json& json, absl::string_view key);

// Lines of aligned columns.
std::string Table(std::vector<std::vector<std::string>> rows);

// "47s", "12m", "3h12m", "5d2h": as kubectl shows an age.
std::string Age(absl::Duration age);

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_VIEW_H_
