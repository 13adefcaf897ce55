// SPDX-License-Identifier: Apache-2.0
// PodWatch keeps the API server's view of this node's pods: list, then watch,
// resumed where it broke off, listed anew when the server has forgotten the
// version. Blocks one thread of its own.
#ifndef CORACLE_AGENT_SOURCE_POD_WATCH_H_
#define CORACLE_AGENT_SOURCE_POD_WATCH_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "runtime/base/json.h"

namespace agent::source {

using runtime::Json;

class PodWatch {
 public:
  struct Handlers {
    // The full set, after each list.
    std::function<void(std::vector<Json>)> on_list;
    std::function<void(Json)> on_pod;   // added or changed
    std::function<void(Json)> on_gone;  // removed from the API
  };

  // Handlers run on the watch's own thread, in the server's order.
  PodWatch(api::Client* client, std::string node_name, Handlers handlers);
  // Ends a blocked watch and joins.
  ~PodWatch();

 private:
  void Run();
  absl::Status List();
  absl::Status Watch();
  bool Pause(const absl::Status& why);

  api::Client* const client_;
  const std::string selector_;
  const Handlers handlers_;
  const api::CancelToken cancel_;
  absl::Notification stopping_;
  std::string version_;  // "" = list first
  absl::Duration pause_;
  std::thread thread_;
};

}  // namespace agent::source

#endif  // CORACLE_AGENT_SOURCE_POD_WATCH_H_
