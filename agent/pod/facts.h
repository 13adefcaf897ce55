// SPDX-License-Identifier: Apache-2.0
// Facts is what the runtime has told us of one pod. News arrives by several
// ways (answers, events, relists) and out of order; a container only ever goes
// forward, so an older state never overwrites a newer one. Not thread safe: it
// belongs to the pod's worker.
#ifndef CORACLE_AGENT_POD_FACTS_H_
#define CORACLE_AGENT_POD_FACTS_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/status/status.h"
#include "proto/cri/v1/api.pb.h"

namespace agent::pod {

namespace v1 = ::runtime::v1;

struct ContainerFact {
  std::string sandbox_id;
  v1::ContainerStatus cri;
  std::string message;    // termination message, read once it ended
  bool hook_done = true;  // postStart
  const std::string& id() const { return cri.id(); }
  bool running() const { return cri.state() == v1::CONTAINER_RUNNING; }
  bool exited() const { return cri.state() == v1::CONTAINER_EXITED; }
};

class Facts {
 public:
  // True if something changed.
  bool ObserveSandbox(const v1::PodSandboxStatus& sandbox);
  bool ObserveContainer(const v1::ContainerStatus& container,
                        const std::string& sandbox_id);
  void ForgetContainer(const std::string& id);
  void ForgetSandbox(const std::string& id);

  // Newest first. The pointer is null if there is none.
  const std::vector<v1::PodSandboxStatus>& sandboxes() const {
    return sandboxes_;
  }
  const v1::PodSandboxStatus* newest_sandbox() const {
    return sandboxes_.empty() ? nullptr : &sandboxes_.front();
  }
  bool IsReady(const std::string& sandbox_id) const;
  // Attempts of one container, newest first.
  std::vector<ContainerFact*> Attempts(const std::string& name);
  ContainerFact* Find(const std::string& id);
  std::vector<ContainerFact*> All();
  bool empty() const { return sandboxes_.empty() && containers_.empty(); }

 private:
  std::vector<v1::PodSandboxStatus> sandboxes_;
  std::map<std::string, ContainerFact> containers_;  // by ID
  std::set<std::string> gone_;  // removed: late news must not revive them
};

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_FACTS_H_
