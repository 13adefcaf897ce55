// SPDX-License-Identifier: Apache-2.0
// What every pod worker shares. The engine owns all of it and outlives them.
#ifndef CORACLE_AGENT_POD_DEPS_H_
#define CORACLE_AGENT_POD_DEPS_H_

#include <atomic>
#include <functional>
#include <string>

#include "agent/cri/client.h"
#include "agent/object/source.h"
#include "agent/pod/cgroup.h"
#include "agent/pod/engine.h"
#include "agent/pod/images.h"
#include "agent/probe/prober.h"
#include "agent/status/recorder.h"
#include "agent/status/writer.h"
#include "agent/volume/manager.h"
#include "runtime/base/executor.h"

namespace agent::pod {

struct Deps {
  // The engine is stopping: workers do nothing more, pods stay as they are.
  std::atomic<bool> stopped{false};
  EngineOptions options;
  std::string runtime_name;
  int64_t memory_capacity = 0;
  cri::Client* cri = nullptr;
  object::Source* objects = nullptr;
  volume::Manager* volumes = nullptr;
  runtime::Executor* executor = nullptr;
  probe::Net* net = nullptr;
  Cgroups* cgroups = nullptr;
  Images* images = nullptr;
  status::Recorder* events = nullptr;
  status::Writer* writer = nullptr;
  probe::Prober* prober = nullptr;
  // "" or why pods with their own network cannot start now.
  std::function<std::string()> network_problem;
  // Whether the runtime can give a pod one. One that cannot may not know the
  // field, and run the pod with the node's users.
  std::function<bool()> user_namespaces;
  // The worker of this UID has nothing left to do.
  std::function<void(const std::string& uid)> on_done;
};

}  // namespace agent::pod

#endif  // CORACLE_AGENT_POD_DEPS_H_
