// SPDX-License-Identifier: Apache-2.0
#include "agent/object/token_cache.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/object/references.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::object {
namespace {

using runtime::At;
using runtime::StringAt;

constexpr double kRefreshAt = 0.8;  // of the lifetime
constexpr absl::Duration kMaxAge = absl::Hours(24);

bool IsDue(const Token& token, absl::Time issued_at, absl::Time now) {
  absl::Duration lifetime = token.expires_at - issued_at;
  return now >= issued_at + lifetime * kRefreshAt || now >= issued_at + kMaxAge;
}

}  // namespace

absl::StatusOr<Token> TokenCache::Request(const Json& pod, const Id& id) {
  const auto& [uid, account, audiences, seconds] = id;
  std::string ns = StringAt(pod, {"metadata", "namespace"}, "default");
  if (!IsObjectName(ns) || !IsObjectName(account)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", ns, "/", account, "\" is no service account's name"));
  }
  Json request = {{"apiVersion", "authentication.k8s.io/v1"},
                  {"kind", "TokenRequest"},
                  {"spec",
                   {{"audiences", audiences},
                    {"expirationSeconds", seconds},
                    {"boundObjectRef",
                     {{"apiVersion", "v1"},
                      {"kind", "Pod"},
                      {"name", StringAt(pod, {"metadata", "name"})},
                      {"uid", uid}}}}}};
  if (audiences.empty()) request["spec"].erase("audiences");
  ASSIGN_OR_RETURN(
      Json answer,
      client_->Create(absl::StrCat("/api/v1/namespaces/", ns,
                                   "/serviceaccounts/", account, "/token"),
                      request));
  Token token;
  token.token = StringAt(answer, {"status", "token"});
  std::string expires = StringAt(answer, {"status", "expirationTimestamp"});
  std::string error;
  if (token.token.empty() || !absl::ParseTime(absl::RFC3339_full, expires,
                                              &token.expires_at, &error)) {
    return absl::UnavailableError(absl::StrCat(
        "token of ", ns, "/", account, ": the answer has no token or time"));
  }
  return token;
}

absl::StatusOr<Token> TokenCache::Get(const Json& pod,
                                      const std::vector<std::string>& audiences,
                                      int64_t expiration_seconds) {
  Id id(StringAt(pod, {"metadata", "uid"}),
        StringAt(At(pod, "spec"), "serviceAccountName", "default"), audiences,
        expiration_seconds);
  absl::MutexLock lock(&mutex_);
  while (true) {
    auto it = entries_.find(id);
    if (it == entries_.end() || !it->second.fetching) break;
    fetched_.Wait(&mutex_);
  }
  Entry& entry = entries_[id];
  absl::Time now = now_();
  if (!entry.token.token.empty() && !IsDue(entry.token, entry.issued_at, now)) {
    return entry.token;
  }
  entry.fetching = true;
  Token old = entry.token;
  mutex_.Unlock();
  absl::StatusOr<Token> token = Request(pod, id);
  mutex_.Lock();
  auto it = entries_.find(id);  // the pod may have been dropped meanwhile
  if (it != entries_.end()) {
    it->second.fetching = false;
    if (token.ok()) {
      it->second.token = *token;
      it->second.issued_at = now;
    } else if (old.token.empty()) {
      entries_.erase(it);
    }
  }
  fetched_.SignalAll();
  if (!token.ok() && !old.token.empty() && now < old.expires_at) {
    runtime::log::Warning("service account token of pod ", std::get<0>(id),
                          " is not renewed: ", token.status().message());
    return old;
  }
  return token;
}

void TokenCache::Drop(const std::string& uid) {
  absl::MutexLock lock(&mutex_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    it = std::get<0>(it->first) == uid ? entries_.erase(it) : std::next(it);
  }
  fetched_.SignalAll();
}

}  // namespace agent::object
