// SPDX-License-Identifier: Apache-2.0
#include "tests/kill/operation.h"

namespace tests::kill {
namespace {

std::vector<Operation> OfImages(Subject& s) {
  const std::string& image = s.places().other_image;
  const auto pull = [&] { return s.client().Pull(image); };
  const auto has_image = [&](bool wanted) {
    bool has = !wanted;
    s.Must(s.client().HasImage(image, &has), "ImageStatus");
    s.Check(has == wanted, wanted ? "the image is not there" : "it is there");
  };
  return {{"PullImage", [] {}, pull, [=] { has_image(true); }},
          {"RemoveImage", [=, &s] { s.Must(pull(), "PullImage"); },
           [&] { return s.client().RemoveImage(image); },
           [=] { has_image(false); }}};
}

std::vector<Operation> OfPods(Subject& s) {
  return {
      {"RunPodSandbox", [] {}, [&] { return s.RunPod(); },
       [&] { s.ExpectUsable(); }},
      {"StopPodSandbox", [&] { s.MakeRunning(); },
       [&] { return s.client().StopPod(s.pod_id()); },
       [&] {
         s.ExpectState(v1::CONTAINER_EXITED);
         s.Check(s.PodsNow() == 1, "there is not one pod");
       }},
      {"RemovePodSandbox", [&] { s.MakeRunning(); },
       [&] { return s.client().RemovePod(s.pod_id()); },
       [&] { s.Check(s.PodsNow() == 0, "there is a pod"); }},
  };
}

std::vector<Operation> OfContainers(Subject& s) {
  return {
      {"CreateContainer", [&] { s.Must(s.RunPod(), "RunPodSandbox"); },
       [&] { return s.Create(); }, [&] { s.ExpectUsable(); }},
      {"StartContainer",
       [&] {
         s.Must(s.RunPod(), "RunPodSandbox");
         s.Must(s.Create(), "CreateContainer");
       },
       [&] { return s.Start(); }, [&] { s.ExpectUsable(); }},
      {"StopContainer", [&] { s.MakeRunning(); },
       [&] { return s.client().StopContainer(s.id()); },
       [&] { s.ExpectState(v1::CONTAINER_EXITED); }},
      {"RemoveContainer", [&] { s.MakeRunning(); },
       [&] { return s.client().RemoveContainer(s.id()); },
       [&] {
         s.ForgetContainer();
         s.ExpectUsable();
       }},
  };
}

}  // namespace

std::vector<Operation> LifeCycle(Subject& subject) {
  std::vector<Operation> all;
  for (const auto& some : {OfPods, OfContainers, OfImages}) {
    for (Operation& operation : some(subject)) {
      all.push_back(std::move(operation));
    }
  }
  return all;
}

}  // namespace tests::kill
