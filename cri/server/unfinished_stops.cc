// SPDX-License-Identifier: Apache-2.0
#include "cri/server/unfinished_stops.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/activity.h"
#include "runtime/base/log.h"

namespace cri::server {

void UnfinishedStops::Add(const sandbox::SandboxPtr& sandbox) {
  options_.executor->Post(
      [this, sandbox] { Try(sandbox, options_.first_pause); });
}

void UnfinishedStops::Try(const sandbox::SandboxPtr& sandbox,
                          absl::Duration pause) {
  const runtime::v1::PodSandboxMetadata& metadata = sandbox->config.metadata();
  const runtime::activity::Operation operation(
      kCall, absl::StrCat(metadata.namespace_(), "/", metadata.name()));
  {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;  // the next server finds it
    waiting_.erase(sandbox->id);
  }
  if (sandbox->IsStopped()) return;
  const absl::Status stopped = options_.stop(sandbox);
  if (stopped.ok()) return;
  {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;  // the next server finds it
    waiting_[sandbox->id] = {sandbox, absl::Now(), absl::Now() + pause,
                             std::string(stopped.message())};
  }
  runtime::log::Error("sandbox ", sandbox->id,
                      ": finish its stop, to be tried again in ",
                      absl::FormatDuration(pause), ": ", stopped.message());
  options_.executor->PostAfter(pause, [this, sandbox, pause] {
    Try(sandbox, std::min(2 * pause, options_.longest_pause));
  });
}

void UnfinishedStops::End() {
  absl::MutexLock lock(&mutex_);
  ended_ = true;
}

std::vector<UnfinishedStops::Waiting> UnfinishedStops::List() const {
  absl::MutexLock lock(&mutex_);
  std::vector<Waiting> list;
  for (const auto& [id, waiting] : waiting_) {
    if (!waiting.sandbox->IsStopped()) list.push_back(waiting);
  }
  return list;
}

}  // namespace cri::server
