// SPDX-License-Identifier: Apache-2.0
// Changing limits of a living container.
#include "absl/strings/str_cat.h"
#include "cri/container/containers.h"
#include "cri/container/oci_config.h"
#include "cri/container/resources.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::container {
namespace {

using Resources = ::runtime::v1::LinuxContainerResources;

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

absl::Status Containers::UpdateNow(const ContainerPtr& container,
                                   const Resources& change) {
  RETURN_IF_ERROR(registry_.Find(container->id).status());
  RETURN_IF_ERROR(CheckAlive(*container));
  const Resources now = container->Resources();
  const Resources wanted = Merge(now, change);
  // What is valid alone may contradict what is in force.
  RETURN_IF_ERROR(CheckResources(wanted, "linux"));
  auto apply = [&](const Resources& from, const Resources& to) {
    return options_.handler->UpdateContainer(
        container->sandbox->id, container->id,
        runtime::DumpJson(ResourcesJson(Difference(from, to))));
  };
  absl::Status status = apply(now, wanted);
  if (!status.ok()) {
    // It may have ended while its limits were written.
    RETURN_IF_ERROR(CheckAlive(*container));
    return InWordsOfCri(status, "linux");
  }
  container->SetResources(wanted);
  status = Save(*container);
  if (status.ok()) return status;
  container->SetResources(now);
  absl::Status undone = apply(wanted, now);
  if (undone.ok()) return status;
  return runtime::Annotate(
      status, absl::StrCat("limits stay changed (", undone.message(), ")"));
}

}  // namespace cri::container
