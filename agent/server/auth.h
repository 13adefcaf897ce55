// SPDX-License-Identifier: Apache-2.0
// Who asks, and whether they may: client certificate or bearer token, then
// SubjectAccessReview (kubelet.md §2.2).
#ifndef CORACLE_AGENT_SERVER_AUTH_H_
#define CORACLE_AGENT_SERVER_AUTH_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/api/client.h"
#include "agent/server/http.h"
#include "agent/server/server.h"
#include "agent/server/ttl_cache.h"
#include "runtime/base/json.h"

namespace agent::server {

struct User {
  std::string name, uid;
  std::vector<std::string> groups;
  runtime::Json extra;  // object of string lists, or null
};

// What the TLS layer found out about the client's certificate.
struct ClientCertificate {
  bool presented = false;
  bool verified = false;
  std::string common_name;
  std::vector<std::string> organizations;
};

// Thread safe; calls block on the API server, caches hold no lock meanwhile.
class Authenticator {
 public:
  Authenticator(
      const AuthenticationOptions& options, api::Client* client,
      Clock now = [] { return absl::Now(); });

  // UNAUTHENTICATED if nobody stands behind the request.
  absl::StatusOr<User> Authenticate(const ClientCertificate& certificate,
                                    const std::string& authorization);

 private:
  absl::StatusOr<User> ReviewToken(const std::string& token);

  const AuthenticationOptions options_;
  api::Client* const client_;
  TtlCache<absl::StatusOr<User>> tokens_;  // by hash of the token
};

// What a request wants of the node.
struct Access {
  std::string verb;
  std::vector<std::string> subresources;  // any that is allowed will do
};
Access AccessOf(const Request& request);

class Authorizer {
 public:
  Authorizer(
      const AuthorizationOptions& options, std::string node_name,
      api::Client* client, Clock now = [] { return absl::Now(); });

  // PERMISSION_DENIED with kubelet's text; UNAVAILABLE if nobody could decide.
  absl::Status Authorize(const User& user, const Access& access);

 private:
  absl::StatusOr<bool> Review(const User& user, const std::string& verb,
                              const std::string& subresource);

  const AuthorizationOptions options_;
  const std::string node_name_;
  api::Client* const client_;
  TtlCache<bool> decisions_;
};

}  // namespace agent::server

#endif  // CORACLE_AGENT_SERVER_AUTH_H_
