// SPDX-License-Identifier: Apache-2.0
// After a restart: records on one side, holders, marks and leases on the other.
// What has no record is half of something that was cut short, and is swept
// beside the calls, because a CNI plugin may take its time.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "cri/sandbox/pod_network.h"
#include "cri/sandbox/record_file.h"
#include "cri/sandbox/sandboxes.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::sandbox {
namespace {

constexpr absl::Duration kMostPatience = absl::Hours(1);

}  // namespace

absl::Status Sandboxes::Recover(
    const std::vector<runtime::SandboxState>& living) {
  RETURN_IF_ERROR(runtime::MakeDirs(records_dir_, 0700));
  std::map<std::string, runtime::SandboxState> by_id;
  for (const runtime::SandboxState& state : living) by_id[state.id] = state;
  RETURN_IF_ERROR(
      LoadRecords(records_dir_, [&](const std::string& id, const auto& body) {
        return Load(id, body, by_id);
      }));
  std::vector<network::PodNetwork> kept;
  for (const SandboxPtr& sandbox : registry_.List()) {
    // A stop that was cut short ends in order, with the network still known.
    if (!sandbox->IsTornDown() && !sandbox->HostNetwork()) {
      kept.push_back(PodNetworkOf(*sandbox));
      kept.back().stopping = !sandbox->IsReady();
    }
  }
  for (const auto& [id, state] : by_id) {
    if (!registry_.Find(id).ok()) halves_[id] = state.holder_pid;
  }
  FindHalfFiles();
  for (std::string& id : options_.network->Recover(kept)) {
    halves_.emplace(std::move(id), 0);
  }
  return absl::OkStatus();
}

absl::Status Sandboxes::Load(
    const std::string& id, const runtime::Json& body,
    const std::map<std::string, runtime::SandboxState>& living) {
  auto sandbox = std::make_shared<Sandbox>(options_.executor);
  sandbox->id = id;
  RETURN_IF_ERROR(sandbox->FromRecord(body));
  // An older version made it, with its files here.
  if (sandbox->files_dir.empty()) sandbox->files_dir = MarkDir(id);
  auto it = living.find(id);
  if (it == living.end()) {
    // The holder died (a reboot, most likely): what it held is gone.
    sandbox->Close();
    sandbox->holder_pid = 0;
  } else if (it->second.silent) {
    sandbox->silent_at_start = true;
  } else {
    sandbox->holder_pid = it->second.holder_pid;
    sandbox->pause_pid = it->second.pause_pid;
  }
  registry_.Add(std::move(sandbox));
  return absl::OkStatus();
}

// Directories without a record are marks of a run that was cut short.
void Sandboxes::FindHalfFiles() {
  absl::StatusOr<std::vector<std::string>> names =
      runtime::ListDir(records_dir_);
  if (!names.ok()) return;
  for (std::string& name : *names) {
    if (absl::StrContains(name, ".") || registry_.Find(name).ok()) continue;
    halves_.emplace(std::move(name), 0);
  }
}

void Sandboxes::Sweep() {
  options_.sweeper->Post([this] {
    const runtime::activity::Operation operation("sweep", "pod network");
    options_.network->Collect();
  });
  for (const auto& [id, holder_pid] : halves_) {
    options_.sweeper->Post([this, id = id, holder_pid = holder_pid] {
      TrySweep(id, holder_pid, options_.sweep_patience);
    });
  }
  halves_.clear();
}

void Sandboxes::TrySweep(const std::string& id, int holder_pid,
                         absl::Duration patience) {
  const absl::Status swept = SweepHalf(id, holder_pid);
  if (swept.ok()) return;
  runtime::log::Error("sandbox ", id, " was half made and cannot be undone, ",
                      "to be tried again: ", swept.message());
  options_.sweeper->PostAfter(patience, [=, this] {
    TrySweep(id, holder_pid, std::min(2 * patience, kMostPatience));
  });
}

absl::Status Sandboxes::SweepHalf(const std::string& id, int holder_pid) {
  const runtime::activity::Operation operation("sweep",
                                               "half-made sandbox " + id);
  RETURN_IF_ERROR(Disconnect({.sandbox_id = id}, holder_pid));
  // Of one that has a record after all only the network was nobody's.
  if (registry_.Find(id).ok()) return absl::OkStatus();
  RETURN_IF_ERROR(options_.handler->RemoveSandbox(id));
  RETURN_IF_ERROR(RemoveRecord(RecordPath(id)));
  return options_.trash->Take(MarkDir(id));
}

}  // namespace cri::sandbox
