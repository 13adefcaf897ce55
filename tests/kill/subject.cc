// SPDX-License-Identifier: Apache-2.0
#include "tests/kill/subject.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace tests::kill {
namespace {

constexpr int kHostPort = 18080;
constexpr absl::Duration kPatience = absl::Seconds(10);

}  // namespace

Subject::Subject(const Places& places, Daemon& daemon)
    : places_(places), daemon_(daemon) {}

void Subject::Must(const grpc::Status& status, const std::string& what) const {
  if (!status.ok()) load::Fail(absl::StrCat(context_, ": ", what), status);
}

void Subject::Check(bool holds, const std::string& what) const {
  if (!holds) {
    load::Fail(context_, grpc::Status(grpc::StatusCode::INTERNAL, what));
  }
}

void Subject::Await(const std::function<bool()>& holds,
                    const std::string& what) const {
  const absl::Time end = absl::Now() + kPatience;
  while (!holds()) {
    Check(absl::Now() < end, what);
    absl::SleepFor(absl::Milliseconds(2));
  }
}

grpc::Status Subject::Create(const std::string& script) {
  return client().CreateContainer(pod_, pod_id_, "c", &id_, {}, script);
}

grpc::Status Subject::Start() {
  const grpc::Status status = client().StartContainer(id_);
  if (status.error_code() != grpc::StatusCode::FAILED_PRECONDITION) {
    return status;
  }
  v1::ContainerState state = v1::CONTAINER_CREATED;
  Must(client().ContainerState(id_, &state), "ContainerStatus");
  return state == v1::CONTAINER_RUNNING ? grpc::Status::OK : status;
}

void Subject::MakeRunning(const std::string& script) {
  Must(RunPod(), "RunPodSandbox");
  Must(Create(script), "CreateContainer");
  Must(Start(), "StartContainer");
}

void Subject::ExpectState(v1::ContainerState wanted) {
  v1::ContainerState state = v1::CONTAINER_UNKNOWN;
  Must(client().ContainerState(id_, &state), "ContainerStatus");
  Check(state == wanted,
        absl::StrCat("the container is ", v1::ContainerState_Name(state),
                     ", not ", v1::ContainerState_Name(wanted)));
}

size_t Subject::PodsNow() {
  std::vector<std::string> pods;
  Must(client().ListPods(&pods), "ListPodSandbox");
  return pods.size() - 1;
}

void Subject::ExpectUsable() {
  Check(PodsNow() == 1, "there is not one pod");
  if (id_.empty()) Must(Create(), "CreateContainer");
  std::vector<std::string> containers;
  Must(client().ListContainers(&containers, pod_id_), "ListContainers");
  Check(containers.size() == 1, "there is not one container");
  Must(Start(), "StartContainer");
  Must(client().ExecTrue(id_), "ExecSync");
}

void Subject::Remember(const std::string& stays) {
  stays_ = stays;
  before_ = Take(places_.root, places_.state);
}

void Subject::CleanUp(const std::function<void()>& restore) {
  std::vector<std::string> pods;
  Must(client().ListPods(&pods), "ListPodSandbox");
  for (const std::string& pod : pods) {
    if (pod == stays_) continue;
    Must(client().RemovePod(pod), "RemovePodSandbox");
  }
  Must(client().RemoveImage(places_.other_image), "RemoveImage");
  if (restore) restore();
  const std::string left = AwaitSame(before_, places_.root, places_.state);
  Check(left.empty(), absl::StrCat("left behind:\n", left));
  pod_ = {absl::StrCat("pod-", ++next_pod_), absl::StrCat("uid-", next_pod_),
          kHostPort, places_.scratch + "/logs"};
  pod_id_.clear();
  id_.clear();
}

std::string FindHole(const std::string& log) {
  std::vector<absl::string_view> lines = absl::StrSplit(log, '\n');
  lines.pop_back();
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!absl::EndsWith(lines[i], absl::StrCat(" stdout F line ", i))) {
      return absl::StrCat("line ", i, " is \"", lines[i], "\"");
    }
  }
  return "";
}

}  // namespace tests::kill
