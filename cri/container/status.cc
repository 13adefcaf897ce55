// SPDX-License-Identifier: Apache-2.0
// CRI's views of a container.
#include "absl/strings/match.h"
#include "cri/container/container.h"
#include "cri/container/signal.h"

namespace cri::container {
namespace {

using runtime::ContainerPhase;
namespace v1 = ::runtime::v1;

constexpr int kStartFailed = 128;

std::string Reason(const Container::State& state) {
  if (state.phase != ContainerPhase::kExited) return "";
  if (state.lost) return "ContainerStatusUnknown";
  if (state.oom_killed) return "OOMKilled";
  if (state.started_at == absl::InfinitePast() &&
      state.exit_code == kStartFailed) {
    return "StartError";
  }
  return state.exit_code == 0 ? "Completed" : "Error";
}

v1::ImageSpec ImageOf(const Container& container) {
  v1::ImageSpec image = container.config.image();
  // As the user wrote it, where the client says so.
  if (!image.user_specified_image().empty()) {
    image.set_image(image.user_specified_image());
  }
  return image;
}

int64_t Nanos(absl::Time time) {
  return time == absl::InfinitePast() ? 0 : absl::ToUnixNanos(time);
}

}  // namespace

v1::ContainerState ToApiState(ContainerPhase phase) {
  switch (phase) {
    case ContainerPhase::kCreated:
      return v1::CONTAINER_CREATED;
    case ContainerPhase::kRunning:
      return v1::CONTAINER_RUNNING;
    case ContainerPhase::kExited:
      return v1::CONTAINER_EXITED;
  }
  return v1::CONTAINER_UNKNOWN;
}

v1::Container ToListItem(const Container& container) {
  v1::Container item;
  item.set_id(container.id);
  item.set_pod_sandbox_id(container.sandbox->id);
  *item.mutable_metadata() = container.config.metadata();
  *item.mutable_image() = ImageOf(container);
  item.set_image_ref(container.image_ref);
  item.set_image_id(container.image_id);
  item.set_state(ToApiState(container.GetState().phase));
  item.set_created_at(Nanos(container.created_at));
  *item.mutable_labels() = container.config.labels();
  *item.mutable_annotations() = container.config.annotations();
  return item;
}

v1::ContainerStatus ToStatus(const Container& container) {
  const Container::State state = container.GetState();
  const v1::ContainerConfig& config = container.config;
  v1::ContainerStatus status;
  status.set_id(container.id);
  *status.mutable_metadata() = config.metadata();
  status.set_state(ToApiState(state.phase));
  status.set_created_at(Nanos(container.created_at));
  status.set_started_at(Nanos(state.started_at));
  status.set_finished_at(Nanos(state.finished_at));
  if (state.phase == ContainerPhase::kExited) {
    status.set_exit_code(state.exit_code);
    status.set_reason(Reason(state));
    status.set_message(state.message);
  }
  *status.mutable_image() = ImageOf(container);
  status.set_image_ref(container.image_ref);
  status.set_image_id(container.image_id);
  *status.mutable_labels() = config.labels();
  *status.mutable_annotations() = config.annotations();
  // Only what was asked for: our own mounts are nobody's business.
  *status.mutable_mounts() = config.mounts();
  status.set_log_path(container.log_path);
  *status.mutable_resources()->mutable_linux() = container.Resources();
  v1::LinuxContainerUser* user = status.mutable_user()->mutable_linux();
  user->set_uid(container.identity.uid);
  user->set_gid(container.identity.gid);
  for (uint32_t group : container.identity.groups) {
    user->add_supplemental_groups(group);
  }
  status.set_stop_signal(ToApiSignal(container.stop_signal));
  return status;
}

bool Matches(const Container& container, const v1::ContainerFilter& filter) {
  if (!absl::StartsWith(container.id, filter.id())) return false;
  if (!absl::StartsWith(container.sandbox->id, filter.pod_sandbox_id())) {
    return false;
  }
  if (filter.has_state() &&
      filter.state().state() != ToApiState(container.GetState().phase)) {
    return false;
  }
  return sandbox::HasLabels(container.config.labels(), filter.label_selector());
}

}  // namespace cri::container
