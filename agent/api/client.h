// SPDX-License-Identifier: Apache-2.0
// Client is the agent's one way to the Kubernetes API server: JSON over HTTPS.
// Objects are nlohmann::json values read through runtime/base/json.h.
//
// Thread safe. Calls block; a watch blocks its thread until it ends.
#ifndef CORACLE_AGENT_API_CLIENT_H_
#define CORACLE_AGENT_API_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/json.h"

namespace agent::api {

using runtime::Json;
using Query = std::vector<std::pair<std::string, std::string>>;

enum class PatchType { kStrategicMerge, kMerge, kJson };

// An API error keeps its metav1.Status: HTTP code → status code (404 NOT_FOUND,
// 409 ALREADY_EXISTS or ABORTED (Conflict), 403 PERMISSION_DENIED, 401
// UNAUTHENTICATED, 410 OUT_OF_RANGE, 429 RESOURCE_EXHAUSTED, 5xx UNAVAILABLE,
// 422/400 INVALID_ARGUMENT), message = the server's, reason in a payload.
std::string Reason(const absl::Status& status);  // "Conflict", "Expired", "", …
bool IsGone(const absl::Status& status);         // 410 Expired/Gone: relist

// Lets another thread end a blocked watch or call. Copyable handle.
class CancelToken {
 public:
  CancelToken();
  void Cancel() const;
  bool cancelled() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  friend class HttpClient;
};

struct WatchEvent {
  std::string type;  // ADDED, MODIFIED, DELETED, BOOKMARK, ERROR
  Json object;
};

class Client {
 public:
  virtual ~Client() = default;

  // `path` is absolute ("/api/v1/namespaces/default/pods/x"); escaped by the
  // caller where a part is not a plain name.
  virtual absl::StatusOr<Json> Get(const std::string& path,
                                   const Query& query = {}) = 0;
  virtual absl::StatusOr<Json> Create(const std::string& path,
                                      const Json& object,
                                      const Query& query = {}) = 0;
  virtual absl::StatusOr<Json> Update(const std::string& path,
                                      const Json& object) = 0;
  virtual absl::StatusOr<Json> Patch(const std::string& path, PatchType type,
                                     const Json& patch) = 0;
  // `options` is a DeleteOptions object or null.
  virtual absl::Status Delete(const std::string& path,
                              const Json& options = Json()) = 0;
  using OnEvent = std::function<bool(WatchEvent)>;
  // Runs until the server ends the watch (OK), `on_event` returns false (OK),
  // `cancel` (CANCELLED) or an error. An ERROR event becomes its Status.
  // `on_open` is called once the server has agreed to it, which may be long
  // before the first event.
  virtual absl::Status Watch(const std::string& path, const Query& query,
                             const CancelToken& cancel, const OnEvent& on_event,
                             const std::function<void()>& on_open = {}) = 0;
};

}  // namespace agent::api

#endif  // CORACLE_AGENT_API_CLIENT_H_
