// SPDX-License-Identifier: Apache-2.0
#include "agent/server/auth.h"

#include <openssl/sha.h>

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"

namespace agent::server {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::BoolAt;
using runtime::Json;
using runtime::StringAt;

constexpr char kTokenReviews[] = "/apis/authentication.k8s.io/v1/tokenreviews";
constexpr char kAccessReviews[] =
    "/apis/authorization.k8s.io/v1/subjectaccessreviews";
// A wrong token is remembered for less: it may become right.
constexpr absl::Duration kRefusedTokenTtl = absl::Seconds(10);
constexpr size_t kMaxToken = 64 << 10;

absl::Status Unauthenticated(absl::string_view why) {
  return absl::UnauthenticatedError(why);
}

// The cache must not be a store of secrets.
std::string HashOf(const std::string& token) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         digest);
  return std::string(reinterpret_cast<const char*>(digest), sizeof digest);
}

// The token of "Bearer <token>"; nothing if it is another scheme.
std::optional<std::string> BearerToken(const std::string& authorization) {
  absl::string_view rest = authorization;
  if (!absl::StartsWithIgnoreCase(rest, "bearer ")) return std::nullopt;
  rest.remove_prefix(7);
  rest = absl::StripAsciiWhitespace(rest);
  if (rest.empty()) return std::nullopt;
  return std::string(rest);
}

}  // namespace

Authenticator::Authenticator(const AuthenticationOptions& options,
                             api::Client* client, Clock now)
    : options_(options), client_(client), tokens_(std::move(now)) {}

absl::StatusOr<User> Authenticator::ReviewToken(const std::string& token) {
  if (client_ == nullptr) {
    return Unauthenticated("no API server to review the token");
  }
  if (token.size() > kMaxToken) return Unauthenticated("token too long");
  std::string hash = HashOf(token);
  if (std::optional<absl::StatusOr<User>> known = tokens_.Get(hash)) {
    return *known;
  }
  absl::StatusOr<Json> review = client_->Create(
      kTokenReviews, {{"apiVersion", "authentication.k8s.io/v1"},
                      {"kind", "TokenReview"},
                      {"spec", {{"token", token}}}});
  if (!review.ok()) {
    return Unauthenticated(
        absl::StrCat("review token: ", review.status().message()));
  }
  const Json& status = At(*review, "status");
  if (!BoolAt(status, "authenticated")) {
    absl::Status refused = Unauthenticated("invalid bearer token");
    tokens_.Put(hash, refused, kRefusedTokenTtl);
    return refused;
  }
  User user;
  user.name = StringAt(status, {"user", "username"});
  user.uid = StringAt(status, {"user", "uid"});
  for (const Json& group : ArrayAt(At(status, "user"), "groups")) {
    if (group.is_string()) user.groups.push_back(group.get<std::string>());
  }
  user.extra = At(status, {"user", "extra"});
  tokens_.Put(hash, user, options_.webhook_ttl);
  return user;
}

absl::StatusOr<User> Authenticator::Authenticate(
    const ClientCertificate& certificate, const std::string& authorization) {
  bool refused = false;
  std::optional<User> user;
  if (certificate.presented && !options_.client_ca_file.empty()) {
    if (certificate.verified && !certificate.common_name.empty()) {
      user = User{certificate.common_name, "", certificate.organizations, {}};
    } else if (!certificate.verified) {
      refused = true;
    }
  }
  if (!user && options_.webhook) {
    if (std::optional<std::string> token = BearerToken(authorization)) {
      absl::StatusOr<User> reviewed = ReviewToken(*token);
      if (!reviewed.ok()) return reviewed.status();
      user = *std::move(reviewed);
    }
  }
  if (user) {
    user->groups.push_back("system:authenticated");
    return *std::move(user);
  }
  // Who tried to be somebody and failed is not anonymous.
  if (refused) return Unauthenticated("client certificate not trusted");
  if (!options_.anonymous) return Unauthenticated("no credentials");
  return User{"system:anonymous", "", {"system:unauthenticated"}, {}};
}

Access AccessOf(const Request& request) {
  Access access;
  const std::pair<absl::string_view, absl::string_view> kVerbs[] = {
      {"POST", "create"}, {"GET", "get"},     {"HEAD", "get"},
      {"PUT", "update"},  {"PATCH", "patch"}, {"DELETE", "delete"}};
  for (const auto& [method, verb] : kVerbs) {
    if (request.method == method) access.verb = std::string(verb);
  }
  const std::string& first = request.parts.front();
  const std::pair<absl::string_view, std::vector<std::string>> kRules[] = {
      {"stats", {"stats"}},
      {"metrics", {"metrics"}},
      {"logs", {"log"}},
      {"checkpoint", {"checkpoint"}},
      {"statusz", {"statusz", "proxy"}},
      {"pods", {"pods", "proxy"}},
      {"runningpods", {"pods", "proxy"}},
      {"healthz", {"healthz", "proxy"}},
      {"configz", {"configz", "proxy"}},
  };
  for (const auto& [name, subresources] : kRules) {
    if (first == name) access.subresources = subresources;
  }
  if (access.subresources.empty()) access.subresources = {"proxy"};
  return access;
}

Authorizer::Authorizer(const AuthorizationOptions& options,
                       std::string node_name, api::Client* client, Clock now)
    : options_(options),
      node_name_(std::move(node_name)),
      client_(client),
      decisions_(std::move(now)) {}

absl::StatusOr<bool> Authorizer::Review(const User& user,
                                        const std::string& verb,
                                        const std::string& subresource) {
  if (client_ == nullptr) return false;
  Json spec = {{"user", user.name},
               {"groups", user.groups},
               {"resourceAttributes",
                {{"verb", verb},
                 {"version", "v1"},
                 {"resource", "nodes"},
                 {"subresource", subresource},
                 {"name", node_name_}}}};
  if (!user.uid.empty()) spec["uid"] = user.uid;
  if (user.extra.is_object()) spec["extra"] = user.extra;
  std::string key = HashOf(runtime::DumpJson(spec));
  if (std::optional<bool> known = decisions_.Get(key)) return *known;
  ASSIGN_OR_RETURN(Json review,
                   client_->Create(kAccessReviews,
                                   {{"apiVersion", "authorization.k8s.io/v1"},
                                    {"kind", "SubjectAccessReview"},
                                    {"spec", std::move(spec)}}));
  bool allowed = BoolAt(At(review, "status"), "allowed") &&
                 !BoolAt(At(review, "status"), "denied");
  decisions_.Put(key, allowed,
                 allowed ? options_.authorized_ttl : options_.unauthorized_ttl);
  return allowed;
}

absl::Status Authorizer::Authorize(const User& user, const Access& access) {
  if (!options_.webhook) return absl::OkStatus();
  absl::Status failed;
  for (const std::string& subresource : access.subresources) {
    absl::StatusOr<bool> allowed = Review(user, access.verb, subresource);
    if (allowed.ok() && *allowed) return absl::OkStatus();
    if (!allowed.ok()) failed = allowed.status();
  }
  std::string what =
      absl::StrCat("(user=", user.name, ", verb=", access.verb,
                   ", resource=nodes, subresource(s)=[",
                   absl::StrJoin(access.subresources, " "), "])");
  if (!failed.ok()) {
    return absl::UnavailableError(
        absl::StrCat("Authorization error ", what, ": ", failed.message()));
  }
  return absl::PermissionDeniedError(absl::StrCat("Forbidden ", what));
}

}  // namespace agent::server
