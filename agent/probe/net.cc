// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/net.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/cri/calls.h"
#include "runtime/base/status.h"

namespace agent::probe {
namespace {

using runtime::Json;

constexpr size_t kMaxBody = 10 << 10;
constexpr char kUserAgent[] = "User-Agent: kube-probe/1.36";

struct Body {
  std::string text;
};

size_t TakeBody(char* data, size_t size, size_t count, void* to) {
  std::string& text = static_cast<Body*>(to)->text;
  size_t bytes = size * count;
  if (text.size() < kMaxBody) {
    text.append(data, std::min(bytes, kMaxBody - text.size()));
  }
  return bytes;
}

struct CurlCleanup {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::string Bracketed(const std::string& host) {
  return absl::StrContains(host, ':') ? absl::StrCat("[", host, "]") : host;
}

std::unique_ptr<curl_slist, CurlCleanup> Headers(const Json& action) {
  bool agent = false, accept = false;
  curl_slist* list = nullptr;
  for (const Json& header : runtime::ArrayAt(action, "httpHeaders")) {
    std::string name = runtime::StringAt(header, "name");
    std::string value = runtime::StringAt(header, "value");
    std::string lower = absl::AsciiStrToLower(name);
    agent |= lower == "user-agent";
    accept |= lower == "accept";
    // "Name;" is curl's way to send a header without a value.
    list = curl_slist_append(
        list, value.empty() ? absl::StrCat(name, ";").c_str()
                            : absl::StrCat(name, ": ", value).c_str());
  }
  if (!agent) list = curl_slist_append(list, kUserAgent);
  if (!accept) list = curl_slist_append(list, "Accept: */*");
  return std::unique_ptr<curl_slist, CurlCleanup>(list);
}

absl::StatusOr<std::string> Url(const Json& action, const Json& container,
                                const std::string& default_host) {
  ASSIGN_OR_RETURN(int port,
                   ResolvePort(runtime::At(action, "port"), container));
  std::string host = runtime::StringAt(action, "host");
  if (host.empty()) host = default_host;
  std::string scheme =
      absl::AsciiStrToLower(runtime::StringAt(action, "scheme", "HTTP"));
  std::string path = runtime::StringAt(action, "path", "/");
  if (!absl::StartsWith(path, "/")) path = absl::StrCat("/", path);
  return absl::StrCat(scheme, "://", Bracketed(host), ":", port, path);
}

// A transfer under way; its callback owns it.
struct Transfer {
  std::unique_ptr<CURL, CurlCleanup> curl;
  std::unique_ptr<curl_slist, CurlCleanup> headers;
  Body body;
  char error[CURL_ERROR_SIZE] = "";

  std::string Error(int code) const {
    return error[0] != '\0' ? error
                            : curl_easy_strerror(static_cast<CURLcode>(code));
  }
};

absl::StatusOr<std::shared_ptr<Transfer>> NewTransfer(const std::string& url,
                                                      absl::Duration timeout) {
  auto transfer = std::make_shared<Transfer>();
  transfer->curl.reset(curl_easy_init());
  CURL* c = transfer->curl.get();
  if (c == nullptr) return absl::ResourceExhaustedError("curl_easy_init");
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(std::max<int64_t>(
                       1, absl::ToInt64Milliseconds(timeout))));
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  // A name server that keeps silent does not hold the thread.
  curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, transfer->error);
  return transfer;
}

absl::Status HttpResult(const Transfer& transfer, const std::string& url,
                        int code) {
  switch (code) {
    case CURLE_OK:
      break;
    case CURLE_ABORTED_BY_CALLBACK:
      return absl::CancelledError("stopped");
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(
          absl::StrCat("Get \"", url,
                       "\": context deadline exceeded "
                       "(Client.Timeout exceeded while awaiting headers)"));
    default:
      return absl::UnavailableError(
          absl::StrCat("Get \"", url, "\": ", transfer.Error(code)));
  }
  long http = 0;
  curl_easy_getinfo(transfer.curl.get(), CURLINFO_RESPONSE_CODE, &http);
  if (http >= 200 && http < 400) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat("HTTP probe failed with statuscode: ", http));
}

absl::Status ConnectResult(const Transfer& transfer, const std::string& name,
                           int code) {
  switch (code) {
    case CURLE_OK:
      return absl::OkStatus();
    case CURLE_ABORTED_BY_CALLBACK:
      return absl::CancelledError("stopped");
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(absl::StrCat(name, ": i/o timeout"));
    default:
      break;
  }
  long error = 0;
  curl_easy_getinfo(transfer.curl.get(), CURLINFO_OS_ERRNO, &error);
  if (code == CURLE_COULDNT_CONNECT && error != 0) {
    return runtime::ErrnoStatus(static_cast<int>(error),
                                absl::StrCat(name, ": connect"));
  }
  return absl::UnavailableError(absl::StrCat(name, ": ", transfer.Error(code)));
}

}  // namespace

absl::StatusOr<int> ResolvePort(const Json& port, const Json& container) {
  int number = 0;
  if (port.is_number_integer()) {
    number = port.get<int>();
  } else if (port.is_string()) {
    std::string name = port.get<std::string>();
    if (!absl::SimpleAtoi(name, &number)) {
      for (const Json& item : runtime::ArrayAt(container, "ports")) {
        if (runtime::StringAt(item, "name") == name) {
          number = static_cast<int>(runtime::IntAt(item, "containerPort"));
        }
      }
      if (number == 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("couldn't find port: ", name));
      }
    }
  }
  if (number < 1 || number > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("invalid port number: ", number));
  }
  return number;
}

Net::Net() : health_(std::make_unique<cri::Calls>("probe-grpc")) {}

Net::~Net() { Stop(); }

void Net::Stop() {
  loop_.Stop();
  health_->Shutdown();
}

void Net::HttpGet(const Json& action, const Json& container,
                  const std::string& default_host, absl::Duration timeout,
                  Done done) {
  auto url = Url(action, container, default_host);
  if (!url.ok()) return done(url.status());
  auto transfer = NewTransfer(*url, timeout);
  if (!transfer.ok()) return done(transfer.status());
  Transfer& t = **transfer;
  CURL* c = t.curl.get();
  t.headers = Headers(action);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, t.headers.get());
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &t.body);
  // The pod's certificate is its own affair: kubelet does not check it either.
  curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
  loop_.Add(c, [transfer = *std::move(transfer), url = *std::move(url),
                done = std::move(done)](int code) {
    done(HttpResult(*transfer, url, code));
  });
}

void Net::TcpConnect(const Json& action, const Json& container,
                     const std::string& default_host, absl::Duration timeout,
                     Done done) {
  auto port = ResolvePort(runtime::At(action, "port"), container);
  if (!port.ok()) return done(port.status());
  std::string host = runtime::StringAt(action, "host");
  if (host.empty()) host = default_host;
  std::string address = absl::StrCat(Bracketed(host), ":", *port);
  auto transfer = NewTransfer(absl::StrCat("http://", address), timeout);
  if (!transfer.ok()) return done(transfer.status());
  CURL* c = (*transfer)->curl.get();
  curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
  loop_.Add(c, [transfer = *std::move(transfer),
                name = absl::StrCat("dial tcp ", address),
                done = std::move(done)](int code) {
    done(ConnectResult(*transfer, name, code));
  });
}

}  // namespace agent::probe
