// SPDX-License-Identifier: Apache-2.0
#include "tests/kill/test.h"

#include <cstdio>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/file.h"

namespace tests::kill {
namespace {

// The server is asked for news of its own after a call; this long they take.
constexpr absl::Duration kAfterCall = absl::Milliseconds(20);
constexpr absl::Duration kSweepPatience = absl::Seconds(20);

std::string Killed(const std::string& during, int64_t at,
                   const Daemon& daemon) {
  return absl::StrCat(during, ", killed at step ", at, " (", daemon.Step(),
                      ")");
}

void Report(const std::string& what, int64_t at, absl::Time begin) {
  printf("ok: %s: %d kills in %.1f s\n", what.c_str(), static_cast<int>(at - 1),
         absl::ToDoubleSeconds(absl::Now() - begin));
  fflush(stdout);
}

}  // namespace

void Test::Begin() {
  witness_.Start();
  subject_.Remember(witness_.id());
  subject_.CleanUp();
}

void Test::End() {
  witness_.CheckLog();
  witness_.Remove();
}

bool Test::DiedDuring(int64_t at, const Operation& operation) {
  daemon().Arm(at);
  const grpc::Status status = operation.act();
  const absl::Time end = absl::Now() + kAfterCall;
  while (status.ok() && absl::Now() < end && !daemon().Died()) {
    absl::SleepFor(absl::Milliseconds(2));
  }
  if (!daemon().Disarm()) {
    subject_.Must(status, "without a kill");
    return false;
  }
  subject_.SetContext(Killed(operation.name, at, daemon()));
  daemon().Start();
  return true;
}

void Test::KillAtEveryStep(const Operation& operation) {
  const absl::Time begin = absl::Now();
  for (int64_t at = 1;; ++at) {
    subject_.SetContext(operation.name);
    operation.prepare();
    const std::string lack =
        at == 1 && operation.lacks ? operation.lacks() : "";
    if (!lack.empty()) {
      printf("left out: %s: %s\n", operation.name, lack.c_str());
      return subject_.CleanUp(operation.restore);
    }
    const bool died = DiedDuring(at, operation);
    if (died) {
      witness_.Check();
      if (operation.found) operation.found();
      subject_.Must(operation.act(), "the repeated call");
    }
    operation.verify();
    subject_.CleanUp(operation.restore);
    if (!died) return Report(operation.name, at, begin);
  }
}

// Halves are swept while the server serves: until none is left, or it died.
void Test::AwaitSweep() {
  const std::string records = subject_.places().root + "/sandboxes/";
  const absl::Time end = absl::Now() + kSweepPatience;
  for (bool half = true; half && !daemon().Died();) {
    subject_.Check(absl::Now() < end, "a half is left");
    absl::SleepFor(absl::Milliseconds(2));
    half = false;
    const auto names = runtime::ListDir(records);
    subject_.Check(names.ok(), "the records cannot be listed");
    for (const std::string& name : *names) {
      half |= !absl::StrContains(name, ".") &&
              !runtime::Exists(records + name + ".json");
    }
  }
}

// Its server is dead then.
void Test::CutShort(const load::PodName& other) {
  std::string id, container;
  if (other.name == "half") {
    daemon().Arm(20);
    (void)client().RunPod(other, &id);
  } else {
    subject_.Must(client().RunPod(other, &id), "RunPodSandbox");
    subject_.Must(client().CreateContainer(other, id, "c", &container),
                  "CreateContainer");
    daemon().Arm(12);
    (void)client().RemovePod(id);
  }
  if (!daemon().Disarm()) daemon().Kill();
}

void Test::KillAtEveryStepOfStart(const char* found) {
  const absl::Time begin = absl::Now();
  for (int64_t at = 1;; ++at) {
    const std::string name = absl::StrCat("start, ", found);
    subject_.SetContext(name);
    subject_.MakeRunning();
    CutShort({found, absl::StrCat(found, "-", at), 0, ""});
    bool died = !daemon().Start(at);
    if (!died) AwaitSweep();
    died = died || daemon().Disarm();
    subject_.SetContext(Killed(name, at, daemon()));
    if (died) daemon().Start();
    witness_.Check();
    subject_.Must(subject_.RunPod(), "the same pod again");
    subject_.ExpectState(v1::CONTAINER_RUNNING);
    subject_.Must(client().ExecTrue(subject_.id()), "ExecSync");
    subject_.CleanUp();
    if (!died) return Report(name, at, begin);
  }
}

}  // namespace tests::kill
