// SPDX-License-Identifier: Apache-2.0
// Source hands out the API objects that pods refer to: ConfigMaps, Secrets,
// Services and service-account tokens. The real one caches and watches; a
// standalone node's has none. Thread safe.
#ifndef CORACLE_AGENT_OBJECT_SOURCE_H_
#define CORACLE_AGENT_OBJECT_SOURCE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/json.h"

namespace agent::api {
class Client;
}
namespace runtime {
class Executor;
}

namespace agent::object {

using runtime::Json;
using JsonPtr = std::shared_ptr<const Json>;

struct Token {
  std::string token;
  absl::Time expires_at;
};

class Source {
 public:
  virtual ~Source() = default;

  // NOT_FOUND if the object does not exist; UNAVAILABLE and PERMISSION_DENIED
  // are passing (the authorizer's graph lags the binding): callers retry.
  virtual absl::StatusOr<JsonPtr> ConfigMap(const std::string& ns,
                                            const std::string& name) = 0;
  virtual absl::StatusOr<JsonPtr> Secret(const std::string& ns,
                                         const std::string& name) = 0;
  // All services of `ns`. UNAVAILABLE until the first full list has arrived.
  virtual absl::StatusOr<std::vector<JsonPtr>> Services(
      const std::string& ns) = 0;
  virtual absl::StatusOr<Token> ServiceAccountToken(
      const Json& pod, const std::vector<std::string>& audiences,
      int64_t expiration_seconds) = 0;

  // Starts and ends interest in what `pod` refers to; objects of registered
  // pods are kept fresh, and `on_change(pod uid)` is called on a change.
  virtual void Register(const Json& pod) = 0;
  virtual void Unregister(const std::string& pod_uid) = 0;
  // After the return the listener before this one does not run any more; it
  // must not call this.
  virtual void SetListener(
      std::function<void(const std::string&)> on_change) = 0;
};

// A node without an API server: nothing is found, there are no services.
std::unique_ptr<Source> MakeEmptySource();

// Reads from `client`. What registered pods refer to is cached and read again
// every `refresh`; services come by one list and watch on a thread of its own.
// `client` and `executor` outlive the source; the destructor waits for calls
// that are under way.
std::unique_ptr<Source> MakeApiSource(
    api::Client* client, runtime::Executor* executor,
    absl::Duration refresh = absl::Seconds(60));

}  // namespace agent::object

#endif  // CORACLE_AGENT_OBJECT_SOURCE_H_
