// SPDX-License-Identifier: Apache-2.0
#include "agent/api/session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <mutex>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::api {
namespace {

constexpr long kConnectSeconds = 10;
constexpr int kPollMilliseconds = 60000;

// A peer that died without a word is found by the kernel within a minute: 30 s
// of silence, then three probes; unacknowledged data counts as silence too.
// curl's own low-speed check would wake an idle watch every second.
int ConfigureSocket(void*, curl_socket_t fd, curlsocktype) {
  const int on = 1, idle = 30, interval = 10, probes = 3;
  const unsigned user_timeout = 60000;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout,
             sizeof user_timeout);
  return CURL_SOCKOPT_OK;
}

void SetBlob(CURL* easy, CURLoption option, const std::string& text) {
  curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

// PEM text, or the file's content, or nothing.
absl::Status SetPem(CURL* easy, CURLoption option, const std::string& pem,
                    const std::string& file) {
  if (!pem.empty()) {
    SetBlob(easy, option, pem);
  } else if (!file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, runtime::ReadFile(file));
    SetBlob(easy, option, text);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::Open(
    const ClientConfig& config, int generation) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  std::unique_ptr<Session> session(new Session(generation));
  RETURN_IF_ERROR(session->Prepare(config));
  return session;
}

Session::~Session() {
  if (multi_ != nullptr) curl_multi_cleanup(multi_);
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
}

absl::Status Session::Prepare(const ClientConfig& config) {
  easy_ = curl_easy_init();
  if (easy_ == nullptr) return absl::ResourceExhaustedError("curl_easy_init");
  multi_ = curl_multi_init();
  if (multi_ == nullptr) return absl::ResourceExhaustedError("curl_multi_init");
  server_ = config.server;
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTFUNCTION, ConfigureSocket);
  // Each handle has a connection of its own, so HTTP/2 could share nothing; it
  // would only cost its windows.
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy_, CURLOPT_MAXCONNECTS, 1L);
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "https,http");
  curl_easy_setopt(easy_, CURLOPT_USERAGENT,
                   "coracle/" CORACLE_VERSION " (linux)");
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (config.insecure) {
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  } else {
    RETURN_IF_ERROR(
        SetPem(easy_, CURLOPT_CAINFO_BLOB, config.ca_pem, config.ca_file));
  }
  curl_easy_setopt(easy_, CURLOPT_SSLCERTTYPE, "PEM");
  curl_easy_setopt(easy_, CURLOPT_SSLKEYTYPE, "PEM");
  RETURN_IF_ERROR(SetPem(easy_, CURLOPT_SSLCERT_BLOB, config.client_cert_pem,
                         config.client_cert_file));
  RETURN_IF_ERROR(SetPem(easy_, CURLOPT_SSLKEY_BLOB, config.client_key_pem,
                         config.client_key_file));
  std::string token = config.token;
  if (token.empty() && !config.token_file.empty()) {
    ASSIGN_OR_RETURN(token, runtime::ReadFile(config.token_file));
    absl::StripAsciiWhitespace(&token);
  }
  if (!token.empty()) {
    authorization_ = absl::StrCat("Authorization: Bearer ", token);
  }
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, Header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, Write);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  return absl::OkStatus();
}

absl::StatusOr<curl_slist*> Session::SetRequest(const Request& request) {
  curl_slist* headers = nullptr;
  const auto add = [&headers](const std::string& line) {
    headers = curl_slist_append(headers, line.c_str());
  };
  add("Accept: application/json");
  add("Expect:");
  if (!authorization_.empty()) add(authorization_);
  curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(
      easy_, CURLOPT_TIMEOUT_MS,
      static_cast<long>(absl::ToInt64Milliseconds(request.timeout)));
  curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.body != nullptr) {
    add(absl::StrCat("Content-Type: ", request.content_type));
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request.body->data());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body->size()));
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
  error_[0] = '\0';
  gave_up_ = false;
  last_used_ = absl::Now();
  return headers;
}

bool Session::Deliver(absl::string_view part) {
  long code = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &code);
  // Headers of 1xx come before those of the answer.
  if (code < 200 || (*on_data_)(static_cast<int>(code), part)) return true;
  gave_up_ = true;
  return false;
}

size_t Session::Header(char* data, size_t size, size_t count, void* self) {
  const absl::string_view line(data, size * count);
  if (line != "\r\n" && line != "\n") return line.size();
  return static_cast<Session*>(self)->Deliver("") ? line.size() : 0;
}

size_t Session::Write(char* data, size_t size, size_t count, void* self) {
  const absl::string_view part(data, size * count);
  return static_cast<Session*>(self)->Deliver(part) ? part.size() : 0;
}

absl::Status Session::TransportError(CURLcode code) const {
  if (gave_up_) return absl::CancelledError("given up");
  const std::string message = absl::StrCat(
      server_, ": ", error_[0] ? error_ : curl_easy_strerror(code));
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    return absl::FailedPreconditionError(message);
  }
  return absl::UnavailableError(message);
}

absl::StatusOr<Response> Session::Finish(CURLcode code) {
  if (code != CURLE_OK) return TransportError(code);
  Response response;
  long http_code = 0;
  curl_off_t retry = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &http_code);
  curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &retry);
  response.http_code = static_cast<int>(http_code);
  response.retry_after = absl::Seconds(retry);
  return response;
}

absl::StatusOr<Response> Session::Run(const Request& request,
                                      const OnData& on_data) {
  ASSIGN_OR_RETURN(curl_slist * headers, SetRequest(request));
  const auto free_headers =
      absl::MakeCleanup([headers] { curl_slist_free_all(headers); });
  on_data_ = &on_data;
  return Finish(curl_easy_perform(easy_));
}

absl::StatusOr<Response> Session::RunUntil(const Request& request,
                                           const OnData& on_data,
                                           const std::function<bool()>& stop) {
  ASSIGN_OR_RETURN(curl_slist * headers, SetRequest(request));
  const auto free_headers =
      absl::MakeCleanup([headers] { curl_slist_free_all(headers); });
  on_data_ = &on_data;
  curl_multi_add_handle(multi_, easy_);
  const auto remove =
      absl::MakeCleanup([this] { curl_multi_remove_handle(multi_, easy_); });
  int running = 1;
  while (true) {
    curl_multi_perform(multi_, &running);
    if (stop()) return absl::CancelledError("cancelled");
    if (running == 0) break;
    curl_multi_poll(multi_, nullptr, 0, kPollMilliseconds, nullptr);
  }
  int left = 0;
  const CURLMsg* done = curl_multi_info_read(multi_, &left);
  return Finish(done != nullptr ? done->data.result : CURLE_RECV_ERROR);
}

void Session::Wake() { curl_multi_wakeup(multi_); }

}  // namespace agent::api
