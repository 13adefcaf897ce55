// SPDX-License-Identifier: Apache-2.0
// The objects that requests name.
#include "cri/server/rpc.h"
#include "runtime/base/status.h"

namespace cri::server {
namespace {

// An ID that is none, or fits several, is a mistake in that field.
template <typename T>
absl::StatusOr<T> NameField(absl::StatusOr<T> found, absl::string_view field) {
  return absl::IsInvalidArgument(found.status())
             ? runtime::Annotate(found.status(), field)
             : found;
}

template <typename T>
absl::StatusOr<T> NullIfUnknown(absl::StatusOr<T> found) {
  return absl::IsNotFound(found.status()) ? T() : found;
}

}  // namespace

absl::StatusOr<sandbox::SandboxPtr> FindSandbox(const Engine& engine,
                                                const std::string& id) {
  return NameField(engine.sandboxes->Find(id), "pod_sandbox_id");
}

absl::StatusOr<sandbox::SandboxPtr> FindSandboxOrNull(const Engine& engine,
                                                      const std::string& id) {
  return NullIfUnknown(FindSandbox(engine, id));
}

absl::StatusOr<container::ContainerPtr> FindContainer(const Engine& engine,
                                                      const std::string& id) {
  return NameField(engine.containers->Find(id), "container_id");
}

absl::StatusOr<container::ContainerPtr> FindContainerOrNull(
    const Engine& engine, const std::string& id) {
  return NullIfUnknown(FindContainer(engine, id));
}

}  // namespace cri::server
