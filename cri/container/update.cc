// SPDX-License-Identifier: Apache-2.0
// Changing limits of a living container.
#include <optional>

#include "absl/strings/str_cat.h"
#include "cri/container/containers.h"
#include "cri/container/oci_config.h"
#include "cri/container/resources.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using Resources = ::runtime::v1::LinuxContainerResources;

// What the record says then.
constexpr char kTriedAgain[] = "the next start of the server tries again";

absl::Status CheckAlive(const Container& container) {
  if (container.GetState().phase != runtime::ContainerPhase::kExited) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("container ", container.id, " has exited"));
}

}  // namespace

absl::Status Containers::Update(const ContainerPtr& container,
                                const Resources& change) {
  RETURN_IF_ERROR(CheckResources(change, "linux"));
  // On the pod's queue, where records are written: updates take turns with each
  // other and with removal.
  absl::Status result;
  container->sandbox->queue.Run([&] { result = UpdateNow(container, change); });
  return result;
}

absl::Status Containers::Apply(const Container& container,
                               const Resources& limits) {
  return options_.handler->UpdateContainer(
      container.sandbox->id, container.id,
      runtime::DumpJson(ResourcesJson(limits)));
}

// The record says what the limits are to be before the first of them changes,
// so that a daemon that is killed in between leaves no container whose cgroup
// is neither as the record says nor as a client asked for.
absl::Status Containers::UpdateNow(const ContainerPtr& container,
                                   const Resources& change) {
  RETURN_IF_ERROR(registry_.Find(container->id).status());
  RETURN_IF_ERROR(CheckAlive(*container));
  const absl::Status finished = FinishUpdate(*container);
  if (container->WantedResources().has_value()) {
    return Supersede(*container, change);
  }
  RETURN_IF_ERROR(finished);
  const Resources now = container->Resources();
  const Resources wanted = Merge(now, change);
  // What is valid alone may contradict what is in force.
  RETURN_IF_ERROR(CheckResources(wanted, "linux"));
  container->SetWantedResources(wanted);
  absl::Status status = Save(*container);
  if (!status.ok()) {
    container->SetWantedResources(std::nullopt);
    return status;
  }
  status = Apply(*container, Difference(now, wanted));
  container->SetWantedResources(std::nullopt);
  if (!status.ok()) {
    const absl::Status saved = Save(*container);
    // It may have ended while its limits were written.
    RETURN_IF_ERROR(CheckAlive(*container));
    status = InWordsOfCri(status, "linux");
    if (saved.ok()) return status;
    return runtime::Annotate(
        status, absl::StrCat(kTriedAgain, " (", saved.message(), ")"));
  }
  container->SetResources(wanted);
  status = Save(*container);
  if (status.ok()) return status;
  container->SetResources(now);
  absl::Status undone = Apply(*container, Difference(wanted, now));
  if (undone.ok()) return runtime::Annotate(status, kTriedAgain);
  return runtime::Annotate(
      status, absl::StrCat("limits stay changed (", undone.message(), ")"));
}

absl::Status Containers::Supersede(Container& container,
                                   const Resources& change) {
  const std::optional<Resources> unfinished = container.WantedResources();
  const Resources wanted = Merge(*unfinished, change);
  RETURN_IF_ERROR(CheckResources(wanted, "linux"));
  container.SetWantedResources(wanted);
  absl::Status status = Save(container);
  if (!status.ok()) {
    container.SetWantedResources(unfinished);
    return status;
  }
  status = Apply(container, Whole(container.Resources(), wanted));
  if (!status.ok()) {
    container.SetWantedResources(unfinished);
    const absl::Status saved = Save(container);
    RETURN_IF_ERROR(CheckAlive(container));
    status = runtime::Annotate(InWordsOfCri(status, "linux"),
                               "limits of an update that was cut short have to "
                               "be set with these");
    if (saved.ok()) return status;
    return runtime::Annotate(
        status, absl::StrCat(kTriedAgain, " (", saved.message(), ")"));
  }
  container.SetResources(wanted);
  container.SetWantedResources(std::nullopt);
  return runtime::Annotate(Save(container), kTriedAgain);
}

absl::Status Containers::FinishUpdate(Container& container) {
  const std::optional<Resources> wanted = container.WantedResources();
  if (!wanted.has_value()) return absl::OkStatus();
  const Resources now = container.Resources();
  // Which of both each limit is, nobody knows.
  const absl::Status forward = Apply(container, Whole(now, *wanted));
  if (forward.ok()) {
    container.SetResources(*wanted);
  } else if (absl::Status back = Apply(container, Whole(*wanted, now));
             !back.ok() && CheckAlive(container).ok()) {
    return runtime::Annotate(
        back, absl::StrCat("an update of limits that was cut short can be "
                           "neither finished (",
                           forward.message(), ") nor taken back"));
  }
  container.SetWantedResources(std::nullopt);
  return Save(container);
}

}  // namespace cri::container
