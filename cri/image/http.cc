// SPDX-License-Identifier: Apache-2.0
#include "cri/image/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/activity.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

constexpr int kMaxRedirects = 10;
constexpr long kConnectTimeoutMs = 5000;
constexpr long kStallSeconds = 30;
constexpr size_t kMaxHeaderBytes = 256 << 10;
constexpr char kSystemBundle[] = "/etc/ssl/certs/ca-certificates.crt";

// One transfer; callbacks of libcurl get its address.
struct Transfer {
  CURL* handle = nullptr;
  const HttpRequest* request = nullptr;
  const Control* control = nullptr;
  HttpResponse response;
  size_t header_bytes = 0;
  absl::Status status;  // why a callback ended the transfer
};

int StatusOf(CURL* handle) {
  long code = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
  return static_cast<int>(code);
}

size_t OnBody(char* data, size_t, size_t size, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  const int code = StatusOf(transfer->handle);
  if (transfer->request->sink && (code == 200 || code == 206)) {
    transfer->status =
        transfer->request->sink(code, absl::string_view(data, size));
    return transfer->status.ok() ? size : 0;
  }
  if (transfer->response.body.size() + size > transfer->request->max_body) {
    transfer->status = absl::ResourceExhaustedError(absl::StrCat(
        "the answer is larger than ", transfer->request->max_body, " bytes"));
    return 0;
  }
  transfer->response.body.append(data, size);
  return size;
}

size_t OnHeader(char* data, size_t, size_t size, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  transfer->header_bytes += size;
  if (transfer->header_bytes > kMaxHeaderBytes) {
    transfer->status = absl::ResourceExhaustedError("too many headers");
    return 0;
  }
  absl::string_view line(data, size);
  if (absl::StartsWith(line, "HTTP/")) transfer->response.headers.clear();
  size_t colon = line.find(':');
  if (colon != absl::string_view::npos) {
    transfer->response.headers.emplace(
        absl::AsciiStrToLower(line.substr(0, colon)),
        std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  }
  return size;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto* transfer = static_cast<Transfer*>(user);
  // libcurl also calls after a body callback has ended the transfer.
  if (transfer->status.ok()) transfer->status = transfer->control->Check();
  return transfer->status.ok() ? 0 : 1;
}

absl::StatusOr<std::string> Bundle(const TlsOptions& tls) {
  std::string bundle;
  if (runtime::Exists(kSystemBundle)) {
    ASSIGN_OR_RETURN(bundle, runtime::ReadFile(kSystemBundle));
  }
  for (const std::string& path : tls.ca_files) {
    ASSIGN_OR_RETURN(std::string more, runtime::ReadFile(path));
    absl::StrAppend(&bundle, "\n", more);
  }
  return bundle;
}

absl::Status SetTls(CURL* handle, const TlsOptions& tls) {
  if (tls.skip_verify) {
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!tls.ca_files.empty()) {
    ASSIGN_OR_RETURN(std::string bundle, Bundle(tls));
    curl_blob blob{bundle.data(), bundle.size(), CURL_BLOB_COPY};
    curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!tls.client_cert.empty()) {
    curl_easy_setopt(handle, CURLOPT_SSLCERT, tls.client_cert.c_str());
    const std::string& key =
        tls.client_key.empty() ? tls.client_cert : tls.client_key;
    curl_easy_setopt(handle, CURLOPT_SSLKEY, key.c_str());
  }
  return absl::OkStatus();
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

void AddHeaders(const std::vector<std::string>& headers, HeaderList* list) {
  for (const std::string& header : headers) {
    list->reset(curl_slist_append(list->release(), header.c_str()));
  }
}

void SetCallbacks(Transfer* transfer) {
  CURL* handle = transfer->handle;
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &OnProgress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, transfer);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
}

void SetTimes(CURL* handle, const Control& control) {
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  if (control.deadline != absl::InfiniteFuture()) {
    int64_t left = absl::ToInt64Milliseconds(control.deadline - absl::Now());
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS,
                     static_cast<long>(std::max<int64_t>(left, 1)));
  }
}

absl::Status CurlStatus(CURLcode code, const Transfer& transfer,
                        const char* detail) {
  if (!transfer.status.ok()) return transfer.status;
  RETURN_IF_ERROR(transfer.control->Check());
  // libcurl's clock may be a tick ahead of ours.
  if (code == CURLE_OPERATION_TIMEDOUT &&
      transfer.control->deadline - absl::Now() < absl::Milliseconds(20)) {
    return absl::DeadlineExceededError("the pull's deadline has passed");
  }
  return absl::UnavailableError(*detail != '\0' ? detail
                                                : curl_easy_strerror(code));
}

}  // namespace

absl::Status Control::Check() const {
  if (cancelled && cancelled()) {
    return absl::CancelledError("the pull was cancelled");
  }
  if (absl::Now() >= deadline) {
    return absl::DeadlineExceededError("the pull's deadline has passed");
  }
  return absl::OkStatus();
}

std::string HttpResponse::Header(const std::string& name) const {
  auto range = headers.equal_range(name);
  return range.first == range.second ? "" : std::prev(range.second)->second;
}

std::string OriginOf(absl::string_view url) {
  size_t scheme = url.find("://");
  if (scheme == absl::string_view::npos) return "";
  absl::string_view host = url.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  size_t at = host.rfind('@');
  if (at != absl::string_view::npos) host.remove_prefix(at + 1);
  std::string origin =
      absl::AsciiStrToLower(absl::StrCat(url.substr(0, scheme), "://", host));
  size_t colon = host.rfind(':');
  if (colon == absl::string_view::npos ||
      absl::StrContains(host.substr(colon), ']')) {
    absl::StrAppend(&origin,
                    absl::StartsWith(origin, "https") ? ":443" : ":80");
  }
  return origin;
}

HttpClient::HttpClient() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)ready;
}

HttpClient::~HttpClient() {
  absl::MutexLock lock(&mutex_);
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

void* HttpClient::Take() {
  {
    absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      void* handle = idle_.back();
      idle_.pop_back();
      return handle;
    }
  }
  return curl_easy_init();
}

void HttpClient::Give(void* handle) {
  curl_easy_reset(handle);  // keeps the connections
  absl::MutexLock lock(&mutex_);
  idle_.push_back(handle);
}

absl::StatusOr<HttpResponse> HttpClient::SendOnce(const HttpRequest& request,
                                                  const std::string& url,
                                                  bool same_origin,
                                                  const Control& control,
                                                  std::string* redirect) {
  RETURN_IF_ERROR(control.Check());
  std::unique_ptr<CURL, std::function<void(CURL*)>> handle(
      Take(), [this](CURL* used) { Give(used); });
  CURL* const curl = handle.get();
  Transfer transfer{curl, &request, &control};
  char detail[CURL_ERROR_SIZE] = "";
  HeaderList headers;
  AddHeaders(request.headers, &headers);
  if (same_origin) AddHeaders(request.private_headers, &headers);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "coracle/" CORACLE_VERSION);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
  if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (request.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  SetCallbacks(&transfer);
  SetTimes(curl, control);
  RETURN_IF_ERROR(SetTls(curl, request.tls));
  const runtime::activity::Step step(
      absl::StrCat("image: ", request.method, " ", url));
  CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return CurlStatus(code, transfer, detail);
  transfer.response.status = StatusOf(curl);
  const char* location = nullptr;
  curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
  if (location != nullptr && transfer.response.status / 100 == 3) {
    *redirect = location;
  }
  return std::move(transfer.response);
}

absl::StatusOr<HttpResponse> HttpClient::Send(const HttpRequest& request,
                                              const Control& control) {
  const std::string origin = OriginOf(request.url);
  std::string url = request.url;
  bool same_origin = true;
  for (int i = 0; i <= kMaxRedirects; ++i) {
    std::string redirect;
    ASSIGN_OR_RETURN(HttpResponse response,
                     SendOnce(request, url, same_origin, control, &redirect));
    if (redirect.empty()) return response;
    if (absl::StartsWith(absl::AsciiStrToLower(url), "https:") &&
        !absl::StartsWith(absl::AsciiStrToLower(redirect), "https:")) {
      return absl::UnavailableError(absl::StrCat(
          "redirected from https to ", OriginOf(redirect), ", refused"));
    }
    url = redirect;
    // Once away, credentials stay away, even if a later hop leads back.
    same_origin = same_origin && OriginOf(url) == origin;
  }
  return absl::UnavailableError(
      absl::StrCat("more than ", kMaxRedirects, " redirects"));
}

}  // namespace cri::image
