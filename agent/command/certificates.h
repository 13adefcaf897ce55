// SPDX-License-Identifier: Apache-2.0
// Keeps the node's certificates fresh while the daemon runs: renews the client
// certificate in time, asks for a serving certificate if so configured.
#ifndef CORACLE_AGENT_COMMAND_CERTIFICATES_H_
#define CORACLE_AGENT_COMMAND_CERTIFICATES_H_

#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/api/http_client.h"
#include "agent/command/settings.h"
#include "agent/join/serving.h"

namespace agent::command {

class Certificates {
 public:
  // Pointers outlive this.
  Certificates(const Settings* settings, api::HttpClient* client);
  ~Certificates();

  // The files of the serving certificate: the configured one, the cluster's
  // (which may still have to come), or a self-signed one.
  static absl::StatusOr<join::ServingFiles> Serving(const Settings& settings);

  void Start();
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void RenewClient();
  void RequestServing();
  // False if stopped.
  bool SleepUntil(absl::Time time) ABSL_LOCKS_EXCLUDED(mutex_);

  const Settings* const settings_;
  api::HttpClient* const client_;
  const api::CancelToken cancel_;
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread client_thread_, serving_thread_;
};

}  // namespace agent::command

#endif  // CORACLE_AGENT_COMMAND_CERTIFICATES_H_
