// SPDX-License-Identifier: Apache-2.0
// A CRI server dies at every change of state of every operation, one after the
// other: each time the next one must find what was confirmed, the repeated call
// must succeed, and nothing may be left once the pod is removed.
//   cri_kill OPERATIONS PRELOAD SCRATCH ROOT STATE IMAGE OTHER_IMAGE COMMAND…
// OPERATIONS is "all", or names with commas: RunPodSandbox,start. COMMAND
// serves STATE/cri.sock; both images can be pulled by it, IMAGE only if it is
// not there yet.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/kill/test.h"

namespace tests::kill {
namespace {

void Run(const std::vector<std::string>& names, Subject& subject) {
  const auto wanted = [&](absl::string_view name) {
    return names.front() == "all" ||
           std::find(names.begin(), names.end(), name) != names.end();
  };
  subject.daemon().Start();
  const std::string& image = subject.places().image;
  bool has = false;
  subject.Must(subject.client().HasImage(image, &has), "ImageStatus");
  if (!has) subject.Must(subject.client().Pull(image), "PullImage");
  Test test(subject);
  test.Begin();
  for (const auto& operations : {LifeCycle(subject), WhileRunning(subject)}) {
    for (const Operation& operation : operations) {
      if (wanted(operation.name)) test.KillAtEveryStep(operation);
    }
  }
  for (const char* found : {"half", "ending"}) {
    if (wanted("start")) test.KillAtEveryStepOfStart(found);
  }
  test.End();
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
  const tests::kill::Places places = {words[3], words[4], words[5], words[6],
                                      words[7]};
  tests::kill::Daemon daemon(places.state + "/cri.sock", places.image, words[2],
                             places.scratch, {words.begin() + 8, words.end()});
  tests::kill::Subject subject(places, daemon);
  tests::kill::Run(absl::StrSplit(words[1], ','), subject);
  return 0;
}
