// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/net.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

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

absl::Status HttpGet(const Json& action, const Json& container,
                     const std::string& default_host, absl::Duration timeout) {
  ASSIGN_OR_RETURN(std::string url, Url(action, container, default_host));
  std::unique_ptr<CURL, CurlCleanup> curl(curl_easy_init());
  if (curl == nullptr) return absl::ResourceExhaustedError("curl_easy_init");
  auto headers = Headers(action);
  Body body;
  CURL* c = curl.get();
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(timeout)));
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  // The pod's certificate is its own affair: kubelet does not check it either.
  curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
  CURLcode code = curl_easy_perform(c);
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return absl::DeadlineExceededError(
        absl::StrCat("Get \"", url,
                     "\": context deadline exceeded "
                     "(Client.Timeout exceeded while awaiting headers)"));
  }
  if (code != CURLE_OK) {
    return absl::UnavailableError(absl::StrCat(
        "Get \"", url,
        "\": ", error[0] != '\0' ? error : curl_easy_strerror(code)));
  }
  long http = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &http);
  if (http >= 200 && http < 400) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat("HTTP probe failed with statuscode: ", http));
}

absl::Status TcpConnect(const Json& action, const Json& container,
                        const std::string& default_host,
                        absl::Duration timeout) {
  ASSIGN_OR_RETURN(int port,
                   ResolvePort(runtime::At(action, "port"), container));
  std::string host = runtime::StringAt(action, "host");
  if (host.empty()) host = default_host;
  std::string name = absl::StrCat("dial tcp ", Bracketed(host), ":", port);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int rc =
      getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found);
  if (rc != 0) {
    return absl::UnavailableError(absl::StrCat(name, ": ", gai_strerror(rc)));
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  runtime::UniqueFd fd(
      socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.ok()) return runtime::ErrnoStatus("socket");
  if (connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return runtime::ErrnoStatus(name);
    pollfd wait = {fd.get(), POLLOUT, 0};
    int n =
        poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
    if (n == 0) {
      return absl::DeadlineExceededError(absl::StrCat(name, ": i/o timeout"));
    }
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (n < 0 || error != 0) {
      return runtime::ErrnoStatus(n < 0 ? errno : error,
                                  absl::StrCat(name, ": connect"));
    }
  }
  return absl::OkStatus();
}

}  // namespace agent::probe
