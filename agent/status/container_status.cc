// SPDX-License-Identifier: Apache-2.0
// One entry of containerStatuses: state and lastState from the two newest
// attempts.
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/status/status.h"

namespace agent::status::internal {
namespace {

constexpr char kRestartCountKey[] = "io.kubernetes.container.restartCount";

std::string Nanos(int64_t nanos) {
  return FormatApiTime(absl::FromUnixNanos(nanos));
}

int64_t RestartCount(const v1::ContainerStatus& cri) {
  auto it = cri.annotations().find(kRestartCountKey);
  int64_t count = 0;
  if (it != cri.annotations().end() && absl::SimpleAtoi(it->second, &count)) {
    return count;
  }
  return cri.metadata().attempt();
}

// What the last status said of the end of this container: its last words go
// with the pod's volumes and with a reboot, its record stays.
std::string ReportedMessage(const Input& input,
                            const std::string& container_id) {
  for (const char* list : {"containerStatuses", "initContainerStatuses",
                           "ephemeralContainerStatuses"}) {
    for (const Json& item : runtime::ArrayAt(input.previous, list)) {
      for (const char* state : {"state", "lastState"}) {
        const Json& ended = runtime::At(item, {state, "terminated"});
        if (runtime::StringAt(ended, "containerID") == container_id) {
          return runtime::StringAt(ended, "message");
        }
      }
    }
  }
  return "";
}

Json Terminated(const Input& input, const Attempt& attempt) {
  const v1::ContainerStatus& cri = attempt.cri;
  const std::string id = absl::StrCat(input.runtime_name, "://", cri.id());
  Json out = {{"exitCode", cri.exit_code()}, {"containerID", id}};
  std::string reason = cri.reason();
  if (reason.empty()) reason = cri.exit_code() == 0 ? "Completed" : "Error";
  out["reason"] = reason;
  std::string message = cri.message();
  if (!attempt.message.empty()) {
    absl::StrAppend(&message, message.empty() ? "" : ": ", attempt.message);
  } else if (std::string told = ReportedMessage(input, id); !told.empty()) {
    message = std::move(told);
  }
  if (!message.empty()) out["message"] = message;
  if (cri.started_at() > 0) out["startedAt"] = Nanos(cri.started_at());
  if (cri.finished_at() > 0) out["finishedAt"] = Nanos(cri.finished_at());
  return {{"terminated", out}};
}

Json Waiting(const std::string& reason, const std::string& message) {
  Json out = {{"reason", reason}};
  if (!message.empty()) out["message"] = message;
  return {{"waiting", out}};
}

const Json& PreviousOf(const Input& input, const ContainerSpec& spec) {
  static const Json* const kNone = new Json();
  for (const char* list : {"containerStatuses", "initContainerStatuses",
                           "ephemeralContainerStatuses"}) {
    for (const Json& item : runtime::ArrayAt(input.previous, list)) {
      if (runtime::StringAt(item, "name") == spec.name) return item;
    }
  }
  return *kNone;
}

std::string DefaultReason(const Input& input, const ContainerSpec& spec) {
  bool has_init =
      !runtime::ArrayAt(runtime::At(*input.pod, "spec"), "initContainers")
           .empty();
  return has_init && spec.kind != ContainerKind::kEphemeral
             ? "PodInitializing"
             : "ContainerCreating";
}

// The runtime does not know this container. What the last status said stays
// true; one that was running then has ended unseen.
void FillUnknown(const Input& input, const ContainerSpec& spec,
                 const ContainerInput& in, Json& out) {
  const Json& previous = PreviousOf(input, spec);
  out["restartCount"] = runtime::IntAt(previous, "restartCount");
  Json last = runtime::ObjectAt(previous, "lastState");
  const Json& state = runtime::At(previous, "state");
  if (runtime::Has(state, "terminated")) {
    if (input.finished || in.waiting_reason.empty()) {
      out["state"] = state;
      out["lastState"] = last;
      for (const char* key : {"containerID", "imageID", "ready"}) {
        if (runtime::Has(previous, key)) out[key] = runtime::At(previous, key);
      }
      return;
    }
    last = state;
  } else if (runtime::Has(state, "running")) {
    Json lost = {
        {"terminated",
         {{"exitCode", 137},
          {"reason", "ContainerStatusUnknown"},
          {"message",
           "The container could not be located when the pod was terminated"}}}};
    if (input.finished) {
      out["state"] = lost;
      out["lastState"] = last;
      return;
    }
    last = lost;
  }
  out["state"] = Waiting(in.waiting_reason.empty() ? DefaultReason(input, spec)
                                                   : in.waiting_reason,
                         in.waiting_message);
  out["lastState"] = last;
}

void FillKnown(const Input& input, const ContainerSpec& spec,
               const ContainerInput& in, Json& out) {
  const Attempt& newest = in.attempts.front();
  const v1::ContainerStatus& cri = newest.cri;
  bool ended = false;
  if (cri.state() == v1::CONTAINER_RUNNING) {
    out["state"] = {{"running", {{"startedAt", Nanos(cri.started_at())}}}};
    out["started"] = newest.started;
    out["ready"] = newest.ready;
  } else if (cri.state() == v1::CONTAINER_EXITED) {
    ended = true;
    bool waits = !in.waiting_reason.empty() && !input.finished;
    out["state"] = waits ? Waiting(in.waiting_reason, in.waiting_message)
                         : Terminated(input, newest);
    if (waits) out["lastState"] = Terminated(input, newest);
    out["ready"] = spec.kind == ContainerKind::kInit && !spec.sidecar &&
                   cri.exit_code() == 0;
    if (waits) ended = false;
  } else {
    out["state"] =
        Waiting(in.waiting_reason.empty() ? DefaultReason(input, spec)
                                          : in.waiting_reason,
                in.waiting_message);
  }
  bool last_taken = cri.state() == v1::CONTAINER_EXITED && !ended;
  if (!last_taken && in.attempts.size() > 1 &&
      in.attempts[1].cri.state() == v1::CONTAINER_EXITED) {
    out["lastState"] = Terminated(input, in.attempts[1]);
  } else if (!last_taken) {
    // The older attempt may be gone from the runtime already.
    const Json& previous = PreviousOf(input, spec);
    if (runtime::IntAt(previous, "restartCount") == RestartCount(cri)) {
      out["lastState"] = runtime::ObjectAt(previous, "lastState");
    }
  }
  out["restartCount"] = RestartCount(cri);
  out["containerID"] = absl::StrCat(input.runtime_name, "://", cri.id());
  out["imageID"] = cri.image_ref();
  const std::string& image = cri.image().user_specified_image().empty()
                                 ? cri.image().image()
                                 : cri.image().user_specified_image();
  if (!image.empty() && !absl::StartsWith(image, "sha256:")) {
    out["image"] = image;
  }
}

// Fields that repeat the spec or the runtime's record word by word.
void FillDetails(const ContainerSpec& spec, const ContainerInput& in,
                 Json& out) {
  Json mounts = Json::array();
  for (const Json& mount : runtime::ArrayAt(*spec.json, "volumeMounts")) {
    Json item = {{"name", runtime::StringAt(mount, "name")},
                 {"mountPath", runtime::StringAt(mount, "mountPath")}};
    if (runtime::BoolAt(mount, "readOnly")) {
      item["readOnly"] = true;
      item["recursiveReadOnly"] =
          runtime::StringAt(mount, "recursiveReadOnly", "Disabled");
    }
    mounts.push_back(item);
  }
  if (!mounts.empty()) out["volumeMounts"] = mounts;
  const Json& resources = runtime::At(*spec.json, "resources");
  if (resources.is_object()) {
    out["resources"] = resources;
    if (runtime::Has(resources, "requests")) {
      out["allocatedResources"] = runtime::At(resources, "requests");
    }
  }
  if (in.attempts.empty() || !in.attempts.front().cri.has_user()) return;
  const auto& user = in.attempts.front().cri.user().linux();
  Json groups = Json::array();
  for (int64_t group : user.supplemental_groups()) groups.push_back(group);
  Json linux_user = {{"uid", user.uid()}, {"gid", user.gid()}};
  if (!groups.empty()) linux_user["supplementalGroups"] = groups;
  out["user"] = {{"linux", linux_user}};
}

}  // namespace

Json ContainerStatus(const Input& input, const ContainerSpec& spec) {
  static const ContainerInput* const kNone = new ContainerInput();
  auto it = input.containers.find(spec.name);
  const ContainerInput& in = it == input.containers.end() ? *kNone : it->second;
  Json out = {{"name", spec.name},
              {"image", runtime::StringAt(*spec.json, "image")},
              {"imageID", ""},
              {"lastState", Json::object()},
              {"state", Json::object()},
              {"ready", false},
              {"started", false},
              {"restartCount", 0}};
  if (in.attempts.empty()) {
    FillUnknown(input, spec, in, out);
  } else {
    FillKnown(input, spec, in, out);
  }
  FillDetails(spec, in, out);
  return out;
}

}  // namespace agent::status::internal
