// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/volume/payload.h"
#include "runtime/base/status.h"

namespace agent::volume {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::Has;
using runtime::IntAt;
using runtime::StringAt;

constexpr int64_t kDefaultTokenSeconds = 3600;
// A token is for the one user or the one group that the pod runs as, if there
// is one, and for everybody in the pod otherwise.
constexpr mode_t kPrivateToken = 0600;

absl::StatusOr<Payload> TokenPayload(const PayloadContext& context,
                                     const Json& source, mode_t mode) {
  std::vector<std::string> audiences;
  if (std::string audience = StringAt(source, "audience"); !audience.empty()) {
    audiences.push_back(std::move(audience));
  }
  absl::StatusOr<object::Token> token = context.objects.ServiceAccountToken(
      context.pod, audiences,
      IntAt(source, "expirationSeconds", kDefaultTokenSeconds));
  if (!token.ok()) {
    return runtime::Annotate(token.status(), "failed to fetch token");
  }
  const Ownership& owner = context.ownership;
  if (owner.user || owner.group) mode = kPrivateToken;
  Payload payload;
  payload[StringAt(source, "path", "token")] = {std::move(token->token), mode,
                                                owner.user};
  return payload;
}

absl::StatusOr<Payload> OneSource(const PayloadContext& context,
                                  const Json& source, mode_t mode) {
  if (Has(source, "serviceAccountToken")) {
    return TokenPayload(context, At(source, "serviceAccountToken"), mode);
  }
  if (Has(source, "configMap")) {
    const Json& config_map = At(source, "configMap");
    return ConfigMapPayload(context, config_map, StringAt(config_map, "name"),
                            mode);
  }
  if (Has(source, "secret")) {
    const Json& secret = At(source, "secret");
    return SecretPayload(context, secret, StringAt(secret, "name"), mode);
  }
  if (Has(source, "downwardAPI")) {
    return DownwardPayload(context, At(source, "downwardAPI"), mode);
  }
  std::string kind =
      source.is_object() && !source.empty() ? source.begin().key() : "(empty)";
  return absl::UnimplementedError(
      absl::StrCat("projected source ", kind, " is not supported"));
}

}  // namespace

absl::StatusOr<Payload> ProjectedPayload(const PayloadContext& context,
                                         const Json& source, mode_t mode) {
  Payload all;
  for (const Json& one : ArrayAt(source, "sources")) {
    ASSIGN_OR_RETURN(Payload part, OneSource(context, one, mode));
    for (auto& [path, file] : part) all[path] = std::move(file);
  }
  return all;
}

}  // namespace agent::volume
