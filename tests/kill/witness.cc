// SPDX-License-Identifier: Apache-2.0
#include "tests/kill/witness.h"

#include <algorithm>

#include "runtime/base/file.h"

namespace tests::kill {

void Witness::Start() {
  Subject& s = subject_;
  pod_ = {"witness", "witness", 0, s.places().scratch + "/witness"};
  s.Must(client().RunPod(pod_, &id_), "RunPodSandbox");
  s.Must(client().CreateContainer(pod_, id_, "leaver", &leaver_, {}, "exit 7"),
         "CreateContainer");
  s.Must(client().CreateContainer(pod_, id_, "counter", &counter_, {}, kCount),
         "CreateContainer");
  s.Must(client().StartContainer(leaver_), "StartContainer");
  s.Must(client().StartContainer(counter_), "StartContainer");
  v1::ContainerStatus status;
  s.Await(
      [&] {
        s.Must(client().ContainerStatus(leaver_, &status), "ContainerStatus");
        return status.state() == v1::CONTAINER_EXITED;
      },
      "the leaver does not leave");
  leaver_finished_ = status.finished_at();
  s.Must(client().ContainerStatus(counter_, &status), "ContainerStatus");
  counter_started_ = status.started_at();
}

void Witness::Check() {
  v1::ContainerStatus status;
  subject_.Must(client().ContainerStatus(leaver_, &status), "the leaver");
  subject_.Check(status.state() == v1::CONTAINER_EXITED &&
                     status.exit_code() == 7 &&
                     status.finished_at() == leaver_finished_,
                 "the leaver has changed: " + status.ShortDebugString());
  subject_.Must(client().ContainerStatus(counter_, &status), "the counter");
  subject_.Check(status.state() == v1::CONTAINER_RUNNING &&
                     status.started_at() == counter_started_,
                 "the counter has changed: " + status.ShortDebugString());
}

void Witness::CheckLog() {
  subject_.SetContext("the counter's log");
  const auto text = runtime::ReadFile(pod_.log_directory + "/counter.log");
  subject_.Check(text.ok(), "cannot be read");
  subject_.Check(std::count(text->begin(), text->end(), '\n') > 100,
                 "is short");
  const std::string hole = FindHole(*text);
  subject_.Check(hole.empty(), hole);
}

void Witness::Remove() {
  subject_.Must(client().RemovePod(id_), "RemovePodSandbox");
}

}  // namespace tests::kill
