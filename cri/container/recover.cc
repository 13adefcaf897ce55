// SPDX-License-Identifier: Apache-2.0
// After a restart: records on one side, what the handler's holders know on the
// other; where they differ the holders are right about what runs, the records
// about what was asked for.
#include <fcntl.h>
#include <sys/stat.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/container/containers.h"
#include "cri/sandbox/record_file.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::ContainerPhase;
namespace v1 = ::runtime::v1;

// The lowest layer of all containers: places for what is mounted in each, so
// that the runtime has to make none in an upper layer, which would first copy
// /etc. An image's own layers lie above and win.
absl::Status MakeMountPoints(const std::string& root) {
  for (const char* name : {"", "/dev", "/etc", "/proc", "/sys"}) {
    RETURN_IF_ERROR(runtime::MakeDirs(root + name));
  }
  for (const char* name : {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}) {
    const std::string path = root + name;
    ASSIGN_OR_RETURN(
        const runtime::UniqueFd file,
        runtime::OpenFile(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
    if (fchmod(file.get(), 0644) != 0) {
      return runtime::ErrnoStatus("chmod " + path);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Containers::Recover() {
  RETURN_IF_ERROR(runtime::MakeDirs(records_dir_, 0700));
  RETURN_IF_ERROR(MakeMountPoints(MountPointsDir()));
  RETURN_IF_ERROR(sandbox::LoadRecords(
      records_dir_, [this](const std::string& id, const runtime::Json& body) {
        return Load(id, body);
      }));
  Halves halves;
  for (const sandbox::SandboxPtr& sandbox : options_.sandboxes->List()) {
    Reconcile(sandbox, &halves);
  }
  FinishUpdates();
  SweepFiles(&halves);
  RestoreHolds();
  SweepHolds(halves.kept);
  return absl::OkStatus();
}

absl::Status Containers::Load(const std::string& id,
                              const runtime::Json& body) {
  auto container = std::make_shared<Container>();
  container->id = id;
  std::string sandbox_id = runtime::StringAt(body, "sandbox");
  absl::StatusOr<sandbox::SandboxPtr> sandbox =
      options_.sandboxes->Find(sandbox_id);
  if (!sandbox.ok()) {
    return absl::DataLossError(absl::StrCat(
        "container ", id, " of sandbox ", sandbox_id, ", which has no record"));
  }
  container->sandbox = *sandbox;
  RETURN_IF_ERROR(container->FromRecord(body));
  registry_.Add(std::move(container));
  return absl::OkStatus();
}

void Containers::Reconcile(const sandbox::SandboxPtr& sandbox, Halves* halves) {
  if (sandbox->silent_at_start) {
    halves->unheard.push_back(sandbox->id);
    return;
  }
  std::set<std::string> known;
  // Also of a sandbox whose stop was cut short: its holder knows the exits.
  if (sandbox->holder_pid > 0) {
    absl::StatusOr<std::vector<runtime::ContainerState>> states =
        options_.handler->ListContainers(sandbox->id);
    if (!states.ok()) {
      runtime::log::Error(
          "sandbox ", sandbox->id,
          ": cannot ask for its containers: ", states.status().message());
      halves->unheard.push_back(sandbox->id);
      return;
    }
    for (const runtime::ContainerState& state : *states) {
      if (registry_.Find(state.id).ok()) {
        known.insert(state.id);
        OnState(state);
      } else if (!Undo({sandbox->id}, state.id, options_.undo_patience)) {
        halves->kept.insert(state.id);
      }
    }
  }
  for (const ContainerPtr& container : ListOf(*sandbox)) {
    if (known.count(container->id) == 0 && container->MarkLost()) {
      Publish(container, v1::CONTAINER_STOPPED_EVENT);
    }
  }
}

void Containers::FinishUpdates() {
  for (const ContainerPtr& container : registry_.List()) {
    if (!container->WantedResources().has_value()) continue;
    absl::Status finished;
    container->sandbox->queue.Run([&] { finished = FinishUpdate(*container); });
    if (!finished.ok()) {
      runtime::log::Error("container ", container->id, ": ",
                          finished.message());
    }
  }
}

// Directories without a record are halves of a create that was cut short.
void Containers::SweepFiles(Halves* halves) {
  absl::StatusOr<std::vector<std::string>> names =
      runtime::ListDir(records_dir_);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (absl::StrContains(name, ".") || halves->kept.count(name) > 0 ||
        registry_.Find(name).ok()) {
      continue;
    }
    if (halves->unheard.empty()) {
      Undo({}, name, options_.undo_patience);
    } else {  // one of those may use it, and the start waits for none of them
      halves->kept.insert(name);
      UndoLater(halves->unheard, name, options_.undo_patience);
    }
  }
}

// Holds are written without fsync: after a power loss one may be missing, and
// then the image would count as unused.
void Containers::RestoreHolds() {
  const std::set<std::string> holders = options_.images->Holders();
  for (const ContainerPtr& container : registry_.List()) {
    if (holders.count(container->id) > 0) continue;
    absl::Status held =
        options_.images->Hold(container->image_id, container->id);
    // It may have been removed before its container.
    if (absl::IsNotFound(held)) held = absl::OkStatus();
    held.Update(HoldVolumes(*container));
    if (!held.ok()) {
      runtime::log::Error("container ", container->id, ": ", held.message());
    }
  }
}

// A removal gives the image back last of all.
void Containers::SweepHolds(const std::set<std::string>& kept) {
  for (const std::string& holder : options_.images->Holders()) {
    if (kept.count(holder) > 0 || registry_.Find(holder).ok()) continue;
    options_.images->Release(holder);
  }
}

}  // namespace cri::container
