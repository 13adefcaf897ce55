// SPDX-License-Identifier: Apache-2.0
#include "cri/image/auth.h"

#include <curl/curl.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

bool IsTokenChar(char c) {
  return absl::ascii_isalnum(c) ||
         absl::StrContains("!#$%&'*+-.^_`|~", absl::string_view(&c, 1));
}

absl::string_view TakeToken(absl::string_view* text) {
  size_t end = 0;
  while (end < text->size() && IsTokenChar((*text)[end])) ++end;
  absl::string_view token = text->substr(0, end);
  text->remove_prefix(end);
  return token;
}

void SkipSpace(absl::string_view* text) {
  *text = absl::StripLeadingAsciiWhitespace(*text);
}

std::string TakeValue(absl::string_view* text) {
  if (!absl::ConsumePrefix(text, "\"")) return std::string(TakeToken(text));
  std::string value;
  while (!text->empty() && text->front() != '"') {
    if (text->front() == '\\' && text->size() > 1) text->remove_prefix(1);
    value += text->front();
    text->remove_prefix(1);
  }
  absl::ConsumePrefix(text, "\"");
  return value;
}

std::string Escape(absl::string_view text) {
  char* escaped =
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size()));
  std::string result = escaped == nullptr ? "" : escaped;
  curl_free(escaped);
  return result;
}

std::string BasicHeader(const Login& login) {
  return absl::StrCat(
      "Authorization: Basic ",
      absl::Base64Escape(absl::StrCat(login.first, ":", login.second)));
}

// "https://host/path" → "host"
std::string HostOf(absl::string_view server) {
  absl::ConsumePrefix(&server, "https://");
  absl::ConsumePrefix(&server, "http://");
  return std::string(server.substr(0, server.find('/')));
}

std::string Canonical(std::string host) {
  if (host == "index.docker.io" || host == "registry-1.docker.io") {
    return "docker.io";
  }
  return host;
}

bool IsMeantFor(const Auth& auth, const std::string& registry,
                const std::string& host) {
  if (auth.server_address.empty()) return true;
  std::string server = Canonical(HostOf(auth.server_address));
  return server == Canonical(registry) || server == Canonical(host);
}

}  // namespace

std::vector<Challenge> ParseChallenges(absl::string_view header) {
  std::vector<Challenge> challenges;
  while (true) {
    while (!header.empty() &&
           (absl::ascii_isspace(header.front()) || header.front() == ',')) {
      header.remove_prefix(1);
    }
    absl::string_view name = TakeToken(&header);
    if (name.empty()) return challenges;
    absl::string_view after = header;
    SkipSpace(&after);
    if (absl::ConsumePrefix(&after, "=") && !challenges.empty()) {
      SkipSpace(&after);
      challenges.back().parameters[absl::AsciiStrToLower(name)] =
          TakeValue(&after);
      header = after;
    } else {
      challenges.push_back({absl::AsciiStrToLower(name), {}});
    }
  }
}

absl::StatusOr<Login> LoginIn(absl::string_view auth) {
  std::string decoded;
  size_t colon = std::string::npos;
  if (absl::Base64Unescape(auth, &decoded)) colon = decoded.find(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError("is not base64 of user:password");
  }
  std::string password = decoded.substr(colon + 1);
  // Docker pads the decoded text with NUL bytes.
  while (!password.empty() && password.back() == '\0') password.pop_back();
  return Login(decoded.substr(0, colon), password);
}

absl::StatusOr<Login> Credentials(const Auth& auth, const std::string& registry,
                                  const std::string& host) {
  Login none;
  if (!IsMeantFor(auth, registry, host)) return none;
  if (!auth.username.empty()) {
    return Login(auth.username, auth.password);
  }
  if (auth.auth.empty()) return none;
  absl::StatusOr<Login> login = LoginIn(auth.auth);
  if (login.ok()) return login;
  return runtime::Annotate(login.status(), "registry credentials: auth");
}

std::string Authorizer::HeaderFor(const Endpoint& endpoint) {
  absl::MutexLock lock(&mutex_);
  auto it = headers_.find(endpoint.base);
  if (it != headers_.end()) return it->second;
  if (!auth_.registry_token.empty() &&
      IsMeantFor(auth_, registry_, endpoint.host)) {
    return absl::StrCat("Authorization: Bearer ", auth_.registry_token);
  }
  return "";
}

void Authorizer::Remember(const Endpoint& endpoint, const std::string& header) {
  absl::MutexLock lock(&mutex_);
  headers_[endpoint.base] = header;
}

absl::StatusOr<bool> Authorizer::Answer(const Endpoint& endpoint,
                                        const HttpResponse& response,
                                        const Control& control) {
  ASSIGN_OR_RETURN(auto login, Credentials(auth_, registry_, endpoint.host));
  auto range = response.headers.equal_range("www-authenticate");
  bool basic = false;
  for (auto it = range.first; it != range.second; ++it) {
    for (const Challenge& challenge : ParseChallenges(it->second)) {
      if (challenge.scheme == "basic") basic = true;
      if (challenge.scheme != "bearer" ||
          challenge.parameters.count("realm") == 0) {
        continue;
      }
      ASSIGN_OR_RETURN(std::string token,
                       FetchToken(endpoint, challenge, control));
      Remember(endpoint, absl::StrCat("Authorization: Bearer ", token));
      return true;
    }
  }
  if (!basic || login.first.empty()) return false;
  Remember(endpoint, BasicHeader(login));
  return true;
}

// The request for a token; which form depends on what we have to offer.
absl::StatusOr<HttpRequest> Authorizer::TokenRequest(
    const Endpoint& endpoint, const Challenge& challenge) const {
  auto parameter = [&](const char* name) {
    auto it = challenge.parameters.find(name);
    return it == challenge.parameters.end() ? "" : it->second;
  };
  const std::string realm = parameter("realm");
  ASSIGN_OR_RETURN(auto login, Credentials(auth_, registry_, endpoint.host));
  const bool refresh = !auth_.identity_token.empty() &&
                       IsMeantFor(auth_, registry_, endpoint.host);
  if ((refresh || !login.first.empty()) &&
      absl::StartsWith(endpoint.base, "https:") &&
      !absl::StartsWith(absl::AsciiStrToLower(realm), "https:")) {
    return absl::PermissionDeniedError(
        absl::StrCat("token service ", realm,
                     " is not https: the credentials are not sent there"));
  }
  // What the registry asks for; our own need if it does not say.
  std::string scope = parameter("scope");
  if (scope.empty()) scope = scope_;
  std::string query = absl::StrCat("scope=", Escape(scope));
  if (std::string service = parameter("service"); !service.empty()) {
    absl::StrAppend(&query, "&service=", Escape(service));
  }
  HttpRequest request;
  // What the file says about the registry's certificate is no statement about
  // another server's.
  if (OriginOf(realm) == OriginOf(endpoint.base)) request.tls = endpoint.tls;
  request.url = realm;
  if (refresh) {
    request.method = "POST";
    request.body = absl::StrCat(
        query, "&grant_type=refresh_token&client_id=coracle&refresh_token=",
        Escape(auth_.identity_token));
    return request;
  }
  absl::StrAppend(&request.url, absl::StrContains(realm, '?') ? "&" : "?",
                  query);
  if (!login.first.empty()) {
    absl::StrAppend(&request.url, "&account=", Escape(login.first));
    request.private_headers.push_back(BasicHeader(login));
  }
  return request;
}

absl::StatusOr<std::string> Authorizer::FetchToken(const Endpoint& endpoint,
                                                   const Challenge& challenge,
                                                   const Control& control) {
  ASSIGN_OR_RETURN(HttpRequest request, TokenRequest(endpoint, challenge));
  const std::string name = absl::StrCat(
      "token service ", request.url.substr(0, request.url.find('?')));
  auto response = http_->Send(request, control);
  if (!response.ok()) return runtime::Annotate(response.status(), name);
  if (response->status != 200) {
    return absl::PermissionDeniedError(
        absl::StrCat(name, ": ", response->status));
  }
  ASSIGN_OR_RETURN(runtime::Json body,
                   runtime::ParseJson(response->body, name));
  std::string token = runtime::StringAt(body, "token");
  if (token.empty()) token = runtime::StringAt(body, "access_token");
  if (token.empty() || token.find_first_of("\r\n") != std::string::npos) {
    return absl::PermissionDeniedError(absl::StrCat(name, ": sent no token"));
  }
  return token;
}

}  // namespace cri::image
