// SPDX-License-Identifier: Apache-2.0
#include "agent/api/http_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/api/error.h"
#include "agent/api/session.h"
#include "runtime/base/status.h"

namespace agent::api {
namespace {

constexpr size_t kMaxAnswerBytes = 128 << 20;
constexpr size_t kMaxIdle = 16;
constexpr absl::Duration kMaxIdleTime = absl::Seconds(25);
constexpr int kMaxAttempts = 4;
constexpr absl::Duration kMaxRetryAfter = absl::Seconds(5);

const char* ContentType(PatchType type) {
  switch (type) {
    case PatchType::kStrategicMerge:
      return "application/strategic-merge-patch+json";
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kJson:
      return "application/json-patch+json";
  }
  return "application/json";
}

void AppendEscaped(const std::string& text, std::string* out) {
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        absl::StrContains("-_.~", c)) {
      out->push_back(c);
    } else {
      absl::StrAppend(out, "%",
                      absl::BytesToHexString(absl::string_view(&c, 1)));
    }
  }
}

absl::StatusOr<Json> Parsed(const absl::StatusOr<std::string>& text,
                            const std::string& path) {
  if (!text.ok()) return text.status();
  return runtime::ParseJson(*text, path);
}

}  // namespace

HttpClient::HttpClient(ClientConfig config)
    : config_(std::move(config)), reload_(std::make_shared<CancelToken>()) {}

HttpClient::~HttpClient() = default;

absl::StatusOr<std::unique_ptr<HttpClient>> MakeClient(
    const ClientConfig& config) {
  if (!absl::StartsWith(config.server, "https://") &&
      !absl::StartsWith(config.server, "http://")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "server \"", config.server, "\": expected https://HOST:PORT"));
  }
  ClientConfig clean = config;
  clean.server = std::string(absl::StripSuffix(config.server, "/"));
  // Opening one session shows now whether the credential files can be read.
  ASSIGN_OR_RETURN(const auto session, Session::Open(clean, 0));
  return std::make_unique<HttpClient>(std::move(clean));
}

absl::StatusOr<std::unique_ptr<Session>> HttpClient::Acquire() {
  int generation = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Session> session = std::move(idle_.back());
      idle_.pop_back();
      return session;
    }
    generation = generation_;
  }
  return Session::Open(config_, generation);
}

void HttpClient::Release(std::unique_ptr<Session> session) {
  std::vector<std::unique_ptr<Session>> dropped;  // closed outside the lock
  absl::MutexLock lock(&mutex_);
  if (session->generation() != generation_) {
    dropped.push_back(std::move(session));
    return;
  }
  idle_.push_back(std::move(session));
  const absl::Time oldest = absl::Now() - kMaxIdleTime;
  auto keep = idle_.begin();
  while (keep != idle_.end() - 1 &&
         ((*keep)->last_used() < oldest ||
          static_cast<size_t>(idle_.end() - keep) > kMaxIdle)) {
    dropped.push_back(std::move(*keep++));
  }
  idle_.erase(idle_.begin(), keep);
}

void HttpClient::ReloadCredentials() {
  std::vector<std::unique_ptr<Session>> dropped;
  std::shared_ptr<CancelToken> old;
  {
    absl::MutexLock lock(&mutex_);
    ++generation_;
    dropped.swap(idle_);
    old = std::exchange(reload_, std::make_shared<CancelToken>());
  }
  old->Cancel();
}

std::string HttpClient::Url(const std::string& path, const Query& query) const {
  std::string url = config_.server + path;
  char separator = absl::StrContains(path, '?') ? '&' : '?';
  for (const auto& [key, value] : query) {
    url.push_back(std::exchange(separator, '&'));
    AppendEscaped(key, &url);
    url.push_back('=');
    AppendEscaped(value, &url);
  }
  return url;
}

absl::StatusOr<std::string> HttpClient::CallOnce(
    const std::string& method, const std::string& url,
    const std::string& content_type, const std::string* body) {
  ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Acquire());
  std::string answer;
  bool too_large = false;
  auto response =
      session->Run({method, url, content_type, body, config_.timeout},
                   [&](int, absl::string_view data) {
                     too_large = answer.size() + data.size() > kMaxAnswerBytes;
                     if (!too_large) answer.append(data.data(), data.size());
                     return !too_large;
                   });
  if (too_large) {
    return absl::ResourceExhaustedError(absl::StrCat(
        method, " ", url, ": answer larger than ", kMaxAnswerBytes, " bytes"));
  }
  if (!response.ok()) return response.status();
  Release(std::move(session));
  if (response->http_code >= 400 || response->http_code < 200) {
    return StatusFromResponse(absl::StrCat(method, " ", url),
                              response->http_code, answer,
                              response->retry_after);
  }
  return answer;
}

absl::StatusOr<std::string> HttpClient::Call(const std::string& method,
                                             const std::string& path,
                                             const Query& query,
                                             const std::string& content_type,
                                             const Json* body) {
  const std::string url = Url(path, query);
  std::string text;
  if (body != nullptr) text = runtime::DumpJson(*body);
  for (int attempt = 1;; ++attempt) {
    auto answer =
        CallOnce(method, url, content_type, body != nullptr ? &text : nullptr);
    if (answer.ok() || attempt == kMaxAttempts) return answer;
    const int code = HttpCode(answer.status());
    const absl::Duration wait = RetryAfter(answer.status());
    if ((code != 429 && code != 503) || wait == absl::ZeroDuration() ||
        wait > kMaxRetryAfter) {
      return answer;
    }
    absl::SleepFor(wait);
  }
}

absl::StatusOr<Json> HttpClient::Get(const std::string& path,
                                     const Query& query) {
  return Parsed(Call("GET", path, query, "", nullptr), path);
}

absl::StatusOr<std::string> HttpClient::GetText(const std::string& path) {
  return Call("GET", path, {}, "", nullptr);
}

absl::StatusOr<Json> HttpClient::Create(const std::string& path,
                                        const Json& object,
                                        const Query& query) {
  return Parsed(Call("POST", path, query, "application/json", &object), path);
}

absl::StatusOr<Json> HttpClient::Update(const std::string& path,
                                        const Json& object) {
  return Parsed(Call("PUT", path, {}, "application/json", &object), path);
}

absl::StatusOr<Json> HttpClient::Patch(const std::string& path, PatchType type,
                                       const Json& patch) {
  return Parsed(Call("PATCH", path, {}, ContentType(type), &patch), path);
}

absl::Status HttpClient::Delete(const std::string& path, const Json& options) {
  return Call("DELETE", path, {}, "application/json",
              options.is_null() ? nullptr : &options)
      .status();
}

}  // namespace agent::api
