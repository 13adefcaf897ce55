// SPDX-License-Identifier: Apache-2.0
#include "cri/container/containers.h"

#include "absl/strings/str_cat.h"
#include "cri/sandbox/record_file.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using runtime::ContainerPhase;
namespace v1 = ::runtime::v1;

}  // namespace

Containers::Containers(ContainersOptions options)
    : options_(std::move(options)),
      records_dir_(options_.root + "/containers") {}

std::string Containers::Dir(const std::string& id) const {
  return absl::StrCat(records_dir_, "/", id);
}

std::string Containers::RecordPath(const std::string& id) const {
  return absl::StrCat(records_dir_, "/", id, ".json");
}

std::string Containers::MountPointsDir() const {
  return options_.root + "/mountpoints";
}

absl::Status Containers::Save(const Container& container) const {
  return sandbox::WriteRecord(RecordPath(container.id), container.ToRecord(),
                              options_.commits);
}

std::vector<ContainerPtr> Containers::ListOf(
    const sandbox::Sandbox& sandbox) const {
  return registry_.ListGroup(sandbox.id);
}

std::vector<ContainerPtr> Containers::ListFor(
    absl::string_view prefix, const std::string& sandbox_prefix) const {
  if (!prefix.empty()) return registry_.List(prefix);
  std::vector<ContainerPtr> own = registry_.ListGroup(sandbox_prefix);
  return own.empty() ? registry_.List() : own;
}

std::vector<std::string> Containers::GroupsOf(const Container& container) {
  return {container.sandbox->id};
}

std::string Containers::ReadOciConfig(const std::string& id) const {
  absl::StatusOr<std::string> text =
      runtime::ReadFile(Dir(id) + "/config.json");
  return text.ok() ? *std::move(text) : "";
}

void Containers::Publish(const ContainerPtr& container,
                         v1::ContainerEventType type) {
  container->sandbox->queue.Post(
      [this, container, type] { Tell(container, type); });
}

void Containers::Tell(const ContainerPtr& container,
                      v1::ContainerEventType type) {
  const std::vector<v1::ContainerEventType> news = container->TakeNews(type);
  if (news.empty()) return;
  // What was just made is on disk. A removed container has no record to bring
  // up to date. Removal runs on this queue too, so the answer holds until the
  // record is written.
  const bool is_news =
      type != v1::CONTAINER_CREATED_EVENT && registry_.Find(container->id).ok();
  const absl::Status saved = is_news ? Save(*container) : absl::OkStatus();
  if (!saved.ok()) {
    runtime::log::Error("container ", container->id,
                        ": cannot keep its record: ", saved.message());
  }
  for (v1::ContainerEventType event : news) options_.notify(container, event);
}

void Containers::OnState(const runtime::ContainerState& state) {
  absl::StatusOr<ContainerPtr> found = registry_.Find(state.id);
  if (!found.ok() || !(*found)->Advance(state)) return;
  if (state.phase == ContainerPhase::kRunning) {
    Publish(*found, v1::CONTAINER_STARTED_EVENT);
  } else if (state.phase == ContainerPhase::kExited) {
    Publish(*found, v1::CONTAINER_STOPPED_EVENT);
  }
}

absl::Status Containers::Start(const ContainerPtr& container,
                               absl::Time deadline) {
  const bool was_created =
      container->GetState().phase == ContainerPhase::kCreated;
  const auto start = [&]() -> absl::Status {
    const absl::Time started_at = container->GetState().started_at;
    // What this one waited for has come to its end after all.
    if (was_created && started_at != absl::InfinitePast()) {
      return absl::OkStatus();
    }
    return StartNow(container);
  };
  return starts_.Do("StartContainer " + container->id, deadline, start);
}

absl::Status Containers::StartNow(const ContainerPtr& container) {
  const runtime::activity::Step step("starting the container");
  ASSIGN_OR_RETURN(sandbox::Sandbox::Use use, container->sandbox->Enter());
  const std::string& id = container->id;
  switch (container->GetState().phase) {
    case ContainerPhase::kCreated:
      break;
    case ContainerPhase::kRunning:
      return absl::FailedPreconditionError(
          absl::StrCat("container ", id, " is running already"));
    case ContainerPhase::kExited:
      return absl::FailedPreconditionError(
          absl::StrCat("container ", id, " has exited; create a new one"));
  }
  absl::StatusOr<runtime::ContainerState> started =
      options_.handler->StartContainer(container->sandbox->id, id);
  if (started.ok()) {
    OnState(*started);
    return absl::OkStatus();
  }
  absl::StatusOr<runtime::ContainerState> now =
      options_.handler->GetContainer(container->sandbox->id, id);
  if (now.ok()) {
    const bool has_started = now->started_at != absl::InfinitePast();
    if (!has_started && now->message.empty()) {
      now->message = std::string(started.status().message());
    }
    OnState(*now);
    if (has_started) return absl::OkStatus();  // only the answer was late
  } else if (absl::IsNotFound(now.status()) && container->MarkLost()) {
    Publish(container, v1::CONTAINER_STOPPED_EVENT);
  }
  return runtime::Annotate(
      started.status(),
      absl::StrCat("container ", container->config.metadata().name()));
}

absl::Status Containers::Remove(const ContainerPtr& container,
                                absl::Time deadline) {
  return removes_.Do("RemoveContainer " + container->id, deadline,
                     [&] { return RemoveNow(container, deadline); });
}

absl::Status Containers::RemoveNow(const ContainerPtr& container,
                                   absl::Time deadline) {
  if (container->GetState().phase == ContainerPhase::kRunning) {
    RETURN_IF_ERROR(Stop(container, absl::ZeroDuration(), deadline));
  }
  // Who hears of the end may ask for the container. Whoever moved its phase, by
  // which Stop is woken up, may be slower to tell.
  if (container->GetState().phase == ContainerPhase::kExited) {
    container->sandbox->queue.Run(
        [&] { Tell(container, v1::CONTAINER_STOPPED_EVENT); });
  }
  RETURN_IF_ERROR(
      options_.handler->RemoveContainer(container->sandbox->id, container->id));
  RETURN_IF_ERROR(options_.trash->Take(Dir(container->id)));
  absl::Status unlinked;
  container->sandbox->queue.Run([&] {
    registry_.Remove(container->id);
    unlinked = sandbox::RemoveRecord(RecordPath(container->id));
  });
  RETURN_IF_ERROR(unlinked);
  options_.images->Release(container->id);
  Publish(container, v1::CONTAINER_DELETED_EVENT);
  return absl::OkStatus();
}

}  // namespace cri::container
