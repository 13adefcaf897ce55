// SPDX-License-Identifier: Apache-2.0
// Taking back a create that failed or was cut short.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cri/container/containers.h"
#include "cri/sandbox/record_file.h"
#include "runtime/base/activity.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

constexpr absl::Duration kMostPatience = absl::Minutes(1);

}  // namespace

bool Containers::Undo(const std::vector<std::string>& sandbox_ids,
                      const std::string& id, absl::Duration patience) {
  const absl::Status undone = UndoNow(sandbox_ids, id);
  if (undone.ok()) return true;
  runtime::log::Error("container ", id,
                      " was half made and cannot be undone, to be tried again "
                      "in ",
                      absl::FormatDuration(patience), ": ", undone.message());
  UndoLater(sandbox_ids, id, patience);
  return false;
}

void Containers::UndoLater(const std::vector<std::string>& sandbox_ids,
                           const std::string& id, absl::Duration patience) {
  options_.sweeper->PostAfter(patience, [=, this] {
    {
      absl::MutexLock lock(&undo_mutex_);
      if (undos_ended_) return;  // the next server finds it
      // A holder that does not answer takes a thread for a minute.
      if (undoing_) return UndoLater(sandbox_ids, id, patience);
      undoing_ = true;
    }
    const runtime::activity::Operation operation("sweep",
                                                 "half-made container " + id);
    Undo(sandbox_ids, id, std::min(2 * patience, kMostPatience));
    absl::MutexLock lock(&undo_mutex_);
    undoing_ = false;
  });
}

absl::Status Containers::UndoNow(const std::vector<std::string>& sandbox_ids,
                                 const std::string& id) {
  for (const std::string& sandbox_id : sandbox_ids) {
    RETURN_IF_ERROR(options_.handler->RemoveContainer(sandbox_id, id));
  }
  RETURN_IF_ERROR(sandbox::RemoveRecord(RecordPath(id)));
  RETURN_IF_ERROR(options_.trash->Take(Dir(id)));
  options_.images->Release(id);
  return absl::OkStatus();
}

}  // namespace cri::container
