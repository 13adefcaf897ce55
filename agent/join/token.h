// SPDX-License-Identifier: Apache-2.0
// Bootstrap tokens and the trust that one carries: the signature of
// cluster-info. Pure functions.
#ifndef CORACLE_AGENT_JOIN_TOKEN_H_
#define CORACLE_AGENT_JOIN_TOKEN_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace agent::join {

struct BootstrapToken {
  std::string id;      // public, 6 of [a-z0-9]
  std::string secret;  // 16 of [a-z0-9]

  std::string Text() const { return id + "." + secret; }
};

// INVALID_ARGUMENT unless `text` is "<id>.<secret>".
absl::StatusOr<BootstrapToken> ParseToken(absl::string_view text);

// Checks a detached compact JWS ("<header>..<signature>") over `payload`: HS256
// with the token's secret as key and its id as key id. PERMISSION_DENIED if the
// signature is not the token's.
absl::Status VerifyJws(absl::string_view jws, absl::string_view payload,
                       const BootstrapToken& token);

}  // namespace agent::join

#endif  // CORACLE_AGENT_JOIN_TOKEN_H_
