// SPDX-License-Identifier: Apache-2.0
// All services of the cluster, by one list and one watch on a thread of its
// own. Only what the service variables need is kept.
#ifndef CORACLE_AGENT_OBJECT_SERVICE_WATCH_H_
#define CORACLE_AGENT_OBJECT_SERVICE_WATCH_H_

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "agent/api/client.h"
#include "agent/api/outage.h"
#include "agent/object/source.h"

namespace agent::object {

// Thread safe. The destructor ends the watch and joins its thread.
class ServiceWatch {
 public:
  explicit ServiceWatch(api::Client* client);
  ~ServiceWatch();

  // Waits a moment for the first list; UNAVAILABLE if it has not come.
  absl::StatusOr<std::vector<JsonPtr>> InNamespace(const std::string& ns)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  // Fills services_ and gives the version to watch from.
  absl::StatusOr<std::string> List() ABSL_LOCKS_EXCLUDED(mutex_);
  // Follows changes from *version on and moves it along.
  absl::Status Follow(std::string* version) ABSL_LOCKS_EXCLUDED(mutex_);
  void Apply(const std::string& type, const Json& service)
      ABSL_LOCKS_EXCLUDED(mutex_);
  static JsonPtr Trim(const Json& service);

  api::Client* const client_;
  api::CancelToken cancel_;
  absl::Notification stopping_;
  api::Outage outage_{"watch of services"};  // of the thread
  absl::Mutex mutex_;
  bool listed_ ABSL_GUARDED_BY(mutex_) = false;
  // namespace → name → service
  std::map<std::string, std::map<std::string, JsonPtr>> services_
      ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace agent::object

#endif  // CORACLE_AGENT_OBJECT_SERVICE_WATCH_H_
