// SPDX-License-Identifier: Apache-2.0
// A CRI server dies at every change of state of every operation, one after the
// other: each time the next one must find what was confirmed, the repeated call
// must succeed, and nothing may be left once the pod is removed.
//   cri_kill OPERATIONS PRELOAD SCRATCH ROOT STATE IMAGE OTHER_IMAGE COMMAND…
// OPERATIONS is "all", or names with commas: RunPodSandbox,start. COMMAND
// serves STATE/cri.sock; both images can be pulled by it.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "runtime/base/file.h"
#include "tests/kill/daemon.h"
#include "tests/kill/snapshot.h"

namespace tests::kill {
namespace {

using load::PodName;
namespace v1 = ::runtime::v1;

constexpr char kCount[] =
    "i=0; while true; do echo line $i; i=$((i+1)); usleep 5000; done";
constexpr int kHostPort = 18080;
// The server is asked for news of its own after a call; this long they take.
constexpr absl::Duration kAfterCall = absl::Milliseconds(20);
constexpr absl::Duration kSweepPatience = absl::Seconds(20);

struct Places {
  std::string scratch, root, state, image, other_image;
};

// Of the command line.
struct Wanted {
  std::vector<std::string> names;
  bool Has(absl::string_view name) const {
    return names.front() == "all" ||
           std::find(names.begin(), names.end(), name) != names.end();
  }
};

class Test {
 public:
  Test(Places places, Wanted wanted, Daemon& daemon)
      : places_(std::move(places)),
        wanted_(std::move(wanted)),
        daemon_(daemon) {}

  void Run();

 private:
  struct Operation {
    const char* name;
    std::function<void()> prepare;
    std::function<grpc::Status()> act;
    std::function<void()> verify;
  };

  load::Client& client() { return daemon_.client(); }
  void Must(const grpc::Status& status, const char* what);
  void Check(bool holds, const std::string& what);

  std::vector<Operation> Operations();
  void KillAtEveryStep(const Operation& operation);
  void KillAtEveryStepOfStart(const char* found);
  void AwaitSweep();
  // Whether the server died of `at`; then another one runs.
  bool DiedDuring(int64_t at, const std::function<grpc::Status()>& act,
                  const char* name);

  void StartWitness();
  void CheckWitness();
  void CheckLog();

  grpc::Status RunPod() { return client().RunPod(pod_, &pod_id_); }
  grpc::Status Create() {
    return client().CreateContainer(pod_, pod_id_, "c", &id_);
  }
  grpc::Status Start();
  void MakeRunning();
  void ExpectUsable();
  void ExpectState(v1::ContainerState state);
  size_t PodsNow();
  void CleanUp();

  const Places places_;
  const Wanted wanted_;
  Daemon& daemon_;
  Snapshot before_;
  std::string context_ = "begin";
  PodName witness_, pod_;
  std::string witness_id_, counter_, leaver_;
  int64_t counter_started_ = 0, leaver_finished_ = 0;
  std::string pod_id_, id_;  // of pod_ and its container
  int next_pod_ = 0;
};

void Test::Must(const grpc::Status& status, const char* what) {
  if (!status.ok()) load::Fail(absl::StrCat(context_, ": ", what), status);
}

void Test::Check(bool holds, const std::string& what) {
  if (!holds) {
    load::Fail(context_, grpc::Status(grpc::StatusCode::INTERNAL, what));
  }
}

grpc::Status Test::Start() {
  const grpc::Status status = client().StartContainer(id_);
  if (status.error_code() != grpc::StatusCode::FAILED_PRECONDITION) {
    return status;
  }
  // It was started before the server died.
  v1::ContainerState state = v1::CONTAINER_CREATED;
  Must(client().ContainerState(id_, &state), "ContainerStatus");
  return state == v1::CONTAINER_RUNNING ? grpc::Status::OK : status;
}

void Test::MakeRunning() {
  Must(RunPod(), "RunPodSandbox");
  Must(Create(), "CreateContainer");
  Must(Start(), "StartContainer");
}

void Test::ExpectState(v1::ContainerState wanted) {
  v1::ContainerState state = v1::CONTAINER_UNKNOWN;
  Must(client().ContainerState(id_, &state), "ContainerStatus");
  Check(state == wanted,
        absl::StrCat("the container is ", v1::ContainerState_Name(state),
                     ", not ", v1::ContainerState_Name(wanted)));
}

size_t Test::PodsNow() {
  std::vector<std::string> pods;
  Must(client().ListPods(&pods), "ListPodSandbox");
  return pods.size() - 1;  // without the witness
}

void Test::ExpectUsable() {
  Check(PodsNow() == 1, "there is not one pod");
  if (id_.empty()) Must(Create(), "CreateContainer");
  std::vector<std::string> containers;
  Must(client().ListContainers(&containers, pod_id_), "ListContainers");
  Check(containers.size() == 1, "there is not one container");
  Must(Start(), "StartContainer");
  Must(client().ExecTrue(id_), "ExecSync");
}

void Test::CleanUp() {
  std::vector<std::string> pods;
  Must(client().ListPods(&pods), "ListPodSandbox");
  for (const std::string& pod : pods) {
    if (pod == witness_id_) continue;
    Must(client().RemovePod(pod), "RemovePodSandbox");
  }
  Must(client().RemoveImage(places_.other_image), "RemoveImage");
  const std::string left = AwaitSame(before_, places_.root, places_.state);
  Check(left.empty(), absl::StrCat("left behind:\n", left));
  pod_ = {absl::StrCat("pod-", ++next_pod_), absl::StrCat("uid-", next_pod_),
          kHostPort, places_.scratch + "/logs"};
  pod_id_.clear();
  id_.clear();
}

// A pod that is there all the time: one container counts, one has left.
void Test::StartWitness() {
  witness_ = {"witness", "witness", 0, places_.scratch + "/witness"};
  Must(client().RunPod(witness_, &witness_id_), "RunPodSandbox");
  Must(client().CreateContainer(witness_, witness_id_, "leaver", &leaver_, {},
                                "exit 7"),
       "CreateContainer");
  Must(client().CreateContainer(witness_, witness_id_, "counter", &counter_, {},
                                kCount),
       "CreateContainer");
  Must(client().StartContainer(leaver_), "StartContainer");
  Must(client().StartContainer(counter_), "StartContainer");
  v1::ContainerStatus status;
  do {
    absl::SleepFor(absl::Milliseconds(5));
    Must(client().ContainerStatus(leaver_, &status), "ContainerStatus");
  } while (status.state() != v1::CONTAINER_EXITED);
  leaver_finished_ = status.finished_at();
  Must(client().ContainerStatus(counter_, &status), "ContainerStatus");
  counter_started_ = status.started_at();
}

void Test::CheckWitness() {
  v1::ContainerStatus status;
  Must(client().ContainerStatus(leaver_, &status), "the leaver");
  Check(status.state() == v1::CONTAINER_EXITED && status.exit_code() == 7 &&
            status.finished_at() == leaver_finished_,
        "the leaver has changed: " + status.ShortDebugString());
  Must(client().ContainerStatus(counter_, &status), "the counter");
  Check(status.state() == v1::CONTAINER_RUNNING &&
            status.started_at() == counter_started_,
        "the counter has changed: " + status.ShortDebugString());
}

void Test::CheckLog() {
  context_ = "the counter's log";
  const auto text = runtime::ReadFile(witness_.log_directory + "/counter.log");
  Check(text.ok(), "cannot be read");
  std::vector<absl::string_view> lines = absl::StrSplit(*text, '\n');
  lines.pop_back();  // the one being written, or ""
  Check(lines.size() > 100, "is short");
  for (size_t i = 0; i < lines.size(); ++i) {
    Check(absl::EndsWith(lines[i], absl::StrCat(" stdout F line ", i)),
          absl::StrCat("line ", i, " is \"", lines[i], "\""));
  }
}

bool Test::DiedDuring(int64_t at, const std::function<grpc::Status()>& act,
                      const char* name) {
  context_ = name;
  daemon_.Arm(at);
  const grpc::Status status = act();
  const absl::Time end = absl::Now() + kAfterCall;
  while (status.ok() && absl::Now() < end && !daemon_.Died()) {
    absl::SleepFor(absl::Milliseconds(2));
  }
  if (!daemon_.Disarm()) {
    Must(status, "without a kill");
    return false;
  }
  context_ =
      absl::StrCat(name, ", killed at step ", at, " (", daemon_.Step(), ")");
  daemon_.Start();
  return true;
}

void Test::KillAtEveryStep(const Operation& operation) {
  const absl::Time begin = absl::Now();
  for (int64_t at = 1;; ++at) {
    context_ = operation.name;
    operation.prepare();
    const bool died = DiedDuring(at, operation.act, operation.name);
    if (died) {
      CheckWitness();
      Must(operation.act(), "the repeated call");
    }
    operation.verify();
    CleanUp();
    if (died) continue;
    printf("ok: %s: %d kills in %.1f s\n", operation.name,
           static_cast<int>(at - 1),
           absl::ToDoubleSeconds(absl::Now() - begin));
    fflush(stdout);
    return;
  }
}

// Halves are swept while the server serves: until none is left, or it died.
void Test::AwaitSweep() {
  const std::string records = places_.root + "/sandboxes/";
  const absl::Time end = absl::Now() + kSweepPatience;
  for (bool half = true; half && !daemon_.Died();) {
    Check(absl::Now() < end, "a half is left");
    absl::SleepFor(absl::Milliseconds(2));
    half = false;
    const auto names = runtime::ListDir(records);
    Check(names.ok(), "the records cannot be listed");
    for (const std::string& name : *names) {
      half |= !absl::StrContains(name, ".") &&
              !runtime::Exists(records + name + ".json");
    }
  }
}

// The start finds a pod that runs, and one whose making (found = "half") or
// whose end was cut short.
void Test::KillAtEveryStepOfStart(const char* found) {
  const absl::Time begin = absl::Now();
  for (int64_t at = 1;; ++at) {
    context_ = absl::StrCat("start, ", found);
    const PodName other = {found, absl::StrCat(found, "-", at), 0, ""};
    std::string other_id, container;
    MakeRunning();
    if (other.name == "half") {
      daemon_.Arm(20);
      (void)client().RunPod(other, &other_id);
    } else {
      Must(client().RunPod(other, &other_id), "RunPodSandbox");
      Must(client().CreateContainer(other, other_id, "c", &container),
           "CreateContainer");
      daemon_.Arm(12);
      (void)client().RemovePod(other_id);
    }
    if (!daemon_.Disarm()) daemon_.Kill();
    bool died = !daemon_.Start(at);
    if (!died) AwaitSweep();
    died = died || daemon_.Disarm();
    context_ = absl::StrCat(context_, ", killed at step ", at, " (",
                            daemon_.Step(), ")");
    if (died) daemon_.Start();
    CheckWitness();
    Must(RunPod(), "the same pod again");
    ExpectState(v1::CONTAINER_RUNNING);
    Must(client().ExecTrue(id_), "ExecSync");
    CleanUp();
    if (died) continue;
    printf("ok: start, %s: %d kills in %.1f s\n", found,
           static_cast<int>(at - 1),
           absl::ToDoubleSeconds(absl::Now() - begin));
    return;
  }
}

std::vector<Test::Operation> Test::Operations() {
  const auto nothing = [] {};
  const auto pull = [this] { return client().Pull(places_.other_image); };
  const auto has_image = [this](bool wanted) {
    bool has = !wanted;
    Must(client().HasImage(places_.other_image, &has), "ImageStatus");
    Check(has == wanted, wanted ? "the image is not there" : "it is there");
  };
  return {
      {"RunPodSandbox", nothing, [this] { return RunPod(); },
       [this] { ExpectUsable(); }},
      {"CreateContainer", [this] { Must(RunPod(), "RunPodSandbox"); },
       [this] { return Create(); }, [this] { ExpectUsable(); }},
      {"StartContainer",
       [this] {
         Must(RunPod(), "RunPodSandbox");
         Must(Create(), "CreateContainer");
       },
       [this] { return Start(); }, [this] { ExpectUsable(); }},
      {"StopContainer", [this] { MakeRunning(); },
       [this] { return client().StopContainer(id_); },
       [this] { ExpectState(v1::CONTAINER_EXITED); }},
      {"RemoveContainer", [this] { MakeRunning(); },
       [this] { return client().RemoveContainer(id_); },
       [this] {
         id_.clear();
         ExpectUsable();
       }},
      {"StopPodSandbox", [this] { MakeRunning(); },
       [this] { return client().StopPod(pod_id_); },
       [this] {
         ExpectState(v1::CONTAINER_EXITED);
         Check(PodsNow() == 1, "there is not one pod");
       }},
      {"RemovePodSandbox", [this] { MakeRunning(); },
       [this] { return client().RemovePod(pod_id_); },
       [this] { Check(PodsNow() == 0, "there is a pod"); }},
      {"PullImage", nothing, pull, [=] { has_image(true); }},
      {"RemoveImage", [=, this] { Must(pull(), "PullImage"); },
       [this] { return client().RemoveImage(places_.other_image); },
       [=] { has_image(false); }},
  };
}

void Test::Run() {
  daemon_.Start();
  Must(client().Pull(places_.image), "PullImage");
  StartWitness();
  before_ = Take(places_.root, places_.state);
  CleanUp();
  for (const Operation& operation : Operations()) {
    if (wanted_.Has(operation.name)) KillAtEveryStep(operation);
  }
  for (const char* found : {"half", "ending"}) {
    if (wanted_.Has("start")) KillAtEveryStepOfStart(found);
  }
  CheckLog();
  Must(client().RemovePod(witness_id_), "RemovePodSandbox");
}

}  // namespace
}  // namespace tests::kill

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (argc < 9) {
    fprintf(stderr,
            "usage: cri_kill OPERATIONS PRELOAD SCRATCH ROOT STATE IMAGE "
            "OTHER_IMAGE COMMAND...\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  tests::kill::Daemon daemon(words[5] + "/cri.sock", words[6], words[2],
                             words[3], {words.begin() + 8, words.end()});
  tests::kill::Test({words[3], words[4], words[5], words[6], words[7]},
                    {absl::StrSplit(words[1], ',')}, daemon)
      .Run();
  return 0;
}
