// SPDX-License-Identifier: Apache-2.0
// How an answer of the API server becomes an absl::Status. Pure functions.
#ifndef CORACLE_AGENT_API_ERROR_H_
#define CORACLE_AGENT_API_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/json.h"

namespace agent::api {

// Of an HTTP answer with code >= 400. A body that is no metav1.Status gives
// "<request>: HTTP <code>: <first line of the body>".
absl::Status StatusFromResponse(absl::string_view request, int http_code,
                                const std::string& body,
                                absl::Duration retry_after);

// Of a metav1.Status object (the object of an ERROR watch event).
absl::Status StatusFromObject(const runtime::Json& object, int http_code);

// How long the server asked to wait (Retry-After header or
// details.retryAfterSeconds); zero if it did not.
absl::Duration RetryAfter(const absl::Status& status);

// The HTTP code of an API error, 0 for an error without an answer.
int HttpCode(const absl::Status& status);

}  // namespace agent::api

#endif  // CORACLE_AGENT_API_ERROR_H_
