// SPDX-License-Identifier: Apache-2.0
// A pod as its worker shows it to others: the HTTPS server, `coracle status`,
// the rotation of logs. Plain data.
#ifndef CORACLE_AGENT_POD_SNAPSHOT_H_
#define CORACLE_AGENT_POD_SNAPSHOT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/cri/v1/api.pb.h"
#include "runtime/base/json.h"

namespace agent::pod {

namespace v1 = ::runtime::v1;
using runtime::Json;
using PodPtr = std::shared_ptr<const Json>;

// What a pod waits for, in words; `until` is when it is tried again, if a timer
// decides.
struct Wait {
  std::string text;
  absl::Time until = absl::InfinitePast();
};

// What others may see of a pod, as of its last sync.
struct PodSnapshot {
  PodPtr pod;  // without its status
  PodPtr status;
  struct Attempt {
    std::string id, log_path;
    v1::ContainerState state;
  };
  std::map<std::string, std::vector<Attempt>> containers;  // newest first
  bool terminal = false;  // phase Succeeded or Failed
  bool finished = false;  // nothing of it runs or will run again
  std::vector<Wait> waits;
};

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_SNAPSHOT_H_
