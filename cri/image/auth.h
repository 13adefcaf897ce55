// SPDX-License-Identifier: Apache-2.0
// Registry authentication: WWW-Authenticate challenges, Basic credentials and
// Bearer tokens.
#ifndef CORACLE_CRI_IMAGE_AUTH_H_
#define CORACLE_CRI_IMAGE_AUTH_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "cri/image/hosts.h"
#include "cri/image/http.h"
#include "cri/image/image.h"

namespace cri::image {

struct Challenge {
  std::string scheme;  // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case
};

// All challenges of one header value (RFC 9110 §11.6.1); what cannot be parsed
// is left out.
std::vector<Challenge> ParseChallenges(absl::string_view header);

using Login = std::pair<std::string, std::string>;  // user name, password

// What Auth::auth holds; INVALID_ARGUMENT if it is not base64 of user:password.
absl::StatusOr<Login> LoginIn(absl::string_view auth);

// User name and password from the fields or from base64 `auth`; empty strings
// if there are none or they are meant for another server than `host`.
absl::StatusOr<Login> Credentials(const Auth& auth, const std::string& registry,
                                  const std::string& host);

// The credentials of one pull, per endpoint. Thread safe.
class Authorizer {
 public:
  Authorizer(HttpClient* http, Auth auth, std::string registry,
             std::string scope)
      : http_(http),
        auth_(std::move(auth)),
        registry_(std::move(registry)),
        scope_(std::move(scope)) {}

  // The "Authorization: …" header known so far for `endpoint`, or "".
  std::string HeaderFor(const Endpoint& endpoint) ABSL_LOCKS_EXCLUDED(mutex_);

  // Answers the challenges of a 401. True: try again with the new header.
  // False: nothing more to offer.
  absl::StatusOr<bool> Answer(const Endpoint& endpoint,
                              const HttpResponse& response,
                              const Control& control)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::StatusOr<HttpRequest> TokenRequest(const Endpoint& endpoint,
                                           const Challenge& challenge) const;
  absl::StatusOr<std::string> FetchToken(const Endpoint& endpoint,
                                         const Challenge& challenge,
                                         const Control& control);
  void Remember(const Endpoint& endpoint, const std::string& header)
      ABSL_LOCKS_EXCLUDED(mutex_);

  HttpClient* const http_;
  const Auth auth_;
  const std::string registry_, scope_;
  absl::Mutex mutex_;
  std::map<std::string, std::string> headers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_AUTH_H_
