// SPDX-License-Identifier: Apache-2.0
// PodWatch keeps the API server's view of this node's pods: list, then watch,
// resumed where it broke off, listed anew when the server has forgotten the
// version. The first list may come from a server's cache and be old; all others
// are current. Blocks one thread of its own.
#ifndef CORACLE_AGENT_SOURCE_POD_WATCH_H_
#define CORACLE_AGENT_SOURCE_POD_WATCH_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "agent/api/outage.h"
#include "runtime/base/json.h"

namespace agent::source {

using runtime::Json;

class PodWatch {
 public:
  struct Handlers {
    // The full set, after each list. One that is not `current` may be older
    // than what is known: with false it is not taken, and a current one comes
    // next.
    std::function<bool(std::vector<Json>, bool current)> on_list;
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
  absl::StatusOr<Json> GetList(bool current);
  // False if it was not taken.
  bool TakeList(const Json& list, bool current);
  absl::Status Watch();
  // False if stopped.
  bool Pause(const absl::Status& why);

  api::Client* const client_;
  const std::string selector_;
  const Handlers handlers_;
  const api::CancelToken cancel_;
  absl::Notification stopping_;
  std::string version_;  // "" = list first
  bool listed_ = false;  // once, with success
  bool news_ = false;    // the last watch had an event
  api::Outage outage_{"pod watch"};
  absl::Duration pause_;
  std::thread thread_;
};

}  // namespace agent::source

#endif  // CORACLE_AGENT_SOURCE_POD_WATCH_H_
