// SPDX-License-Identifier: Apache-2.0
#include "cri/stream/tokens.h"

#include <sys/random.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace cri::stream {
namespace {

constexpr size_t kRandomBytes = 16;

absl::StatusOr<std::string> NewToken() {
  std::string bytes(kRandomBytes, '\0');
  if (getrandom(bytes.data(), bytes.size(), 0) !=
      static_cast<ssize_t>(bytes.size())) {
    return runtime::ErrnoStatus("getrandom");
  }
  return absl::WebSafeBase64Escape(bytes);
}

}  // namespace

absl::StatusOr<std::string> Tokens::Issue(Request request) {
  ASSIGN_OR_RETURN(std::string token, NewToken());
  absl::MutexLock lock(&mutex_);
  DropOld();
  if (entries_.size() >= kMost) {
    return absl::ResourceExhaustedError(absl::StrCat(
        kMost, " streams were asked for and not opened yet; try again later"));
  }
  entries_.emplace(token, Entry{std::move(request), now_() + kLifetime});
  by_age_.push_back(token);
  return token;
}

std::optional<Request> Tokens::Redeem(absl::string_view token) {
  absl::MutexLock lock(&mutex_);
  DropOld();
  const auto it = entries_.find(token);
  if (it == entries_.end()) return std::nullopt;
  Request request = std::move(it->second.request);
  entries_.erase(it);
  return request;
}

// A used token stays in by_age_ until its time is over.
void Tokens::DropOld() {
  const absl::Time now = now_();
  while (!by_age_.empty()) {
    const auto it = entries_.find(by_age_.front());
    if (it != entries_.end() && it->second.until > now) break;
    if (it != entries_.end()) entries_.erase(it);
    by_age_.pop_front();
  }
}

}  // namespace cri::stream
