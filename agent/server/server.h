// SPDX-License-Identifier: Apache-2.0
// Server is the node's HTTPS server on port 10250: what the API server, kubectl
// logs and metrics collectors ask a kubelet (README.md of this room).
#ifndef CORACLE_AGENT_SERVER_SERVER_H_
#define CORACLE_AGENT_SERVER_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/api/client.h"
#include "agent/server/pods.h"
#include "agent/server/tls_policy.h"
#include "agent/server/usage.h"
#include "runtime/base/executor.h"
#include "runtime/base/json.h"

namespace agent::server {

struct AuthenticationOptions {
  std::string client_ca_file;  // "" = no client certificates; read again when
                               // the file changes
  bool webhook = true;         // bearer tokens by TokenReview
  absl::Duration webhook_ttl = absl::Minutes(2);
  bool anonymous = false;
};

struct AuthorizationOptions {
  bool webhook = true;  // SubjectAccessReview; false = everybody may do all
  absl::Duration authorized_ttl = absl::Minutes(5);
  absl::Duration unauthorized_ttl = absl::Seconds(30);
};

// How long a client may take. Tests make them short.
struct Timeouts {
  absl::Duration handshake = absl::Seconds(10);
  absl::Duration request = absl::Seconds(30);   // the first, to its last byte
  absl::Duration idle = absl::Seconds(90);      // between requests
  absl::Duration write = absl::Hours(4);        // a reader that paused
  absl::Duration log_check = absl::Seconds(1);  // does the container still run?
};

struct Options {
  std::string address = "0.0.0.0";
  int port = 10250;  // 0 takes a free one
  // PEM, read again when they change. While they are missing, the port listens
  // and handshakes fail.
  std::string cert_file, key_file;
  TlsPolicy tls;
  std::string node_name;
  std::string pod_logs_dir;        // no log outside of it is ever read
  bool debugging_handlers = true;  // containerLogs, configz, exec and the like
  AuthenticationOptions authentication;
  AuthorizationOptions authorization;
  api::Client* client = nullptr;  // null: webhooks refuse
  Pods* pods = nullptr;
  // For /metrics/resource, which is 404 without. Blocks.
  std::function<absl::StatusOr<std::vector<PodUsage>>()> pod_usage;
  // For /metrics, which says nothing of pulls without. Blocks.
  std::function<absl::StatusOr<std::vector<ImagePull>>()> pulls;
  runtime::Executor* executor = nullptr;    // for everything that blocks
  std::function<absl::Status()> sync_loop;  // for /healthz; may be empty
  Timeouts timeouts;
  runtime::Json configz;  // KubeletConfiguration for /configz; null: 404
};

// Thread safe. All pointers outlive the server.
class Server {
 public:
  virtual ~Server() = default;  // stops

  // Listens, and serves on one thread of its own.
  virtual absl::Status Start() = 0;
  // Closes all connections and waits for calls that are under way.
  virtual void Stop() = 0;
  virtual int port() const = 0;
};

std::unique_ptr<Server> MakeServer(const Options& options);

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_SERVER_H_
