// SPDX-License-Identifier: Apache-2.0
// What the server is doing now, for `coracle status`.
#ifndef CORACLE_CRI_SERVER_OPERATIONS_H_
#define CORACLE_CRI_SERVER_OPERATIONS_H_

#include <string>

#include "absl/time/time.h"
#include "cri/server/engine.h"
#include "runtime/base/json.h"

namespace cri::server {

// "default/web" or "default/web/container" for what is known, else the ID.
std::string NameOfSandbox(const Engine& engine, const std::string& id);
std::string NameOfContainer(const Engine& engine, const std::string& id);

// The object of a request in these words; "" for one that has none.
template <typename Request>
std::string ObjectOf(const Engine& engine, const Request& request) {
  if constexpr (requires { request.container_id(); }) {
    return NameOfContainer(engine, request.container_id());
  } else if constexpr (requires {
                         request.pod_sandbox_id();
                         request.config().image();
                       }) {
    return NameOfSandbox(engine, request.pod_sandbox_id()) + "/" +
           request.config().metadata().name();
  } else if constexpr (requires { request.pod_sandbox_id(); }) {
    return NameOfSandbox(engine, request.pod_sandbox_id());
  } else if constexpr (requires { request.config().hostname(); }) {
    return request.config().metadata().namespace_() + "/" +
           request.config().metadata().name();
  } else if constexpr (requires { request.image().image(); }) {
    return request.image().image();
  } else {
    return "";
  }
}

// The operations under way but that of the calling thread, the oldest first,
// and the stops that wait for another try: `call`, `object`, `seconds`, `step`,
// `step_seconds`, and for a step that has taken a second `where`, one sentence
// for each process that it waits for and for its own thread.
runtime::Json OperationsInfo(const Engine& engine, absl::Time now);

}  // namespace cri::server

#endif  // CORACLE_CRI_SERVER_OPERATIONS_H_
