// SPDX-License-Identifier: Apache-2.0
// The wording of image errors, as users read it in `kubectl describe pod`.
#ifndef CORACLE_CRI_IMAGE_ERRORS_H_
#define CORACLE_CRI_IMAGE_ERRORS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cri::image {

// "404 Not Found (manifest unknown)" from an HTTP status and the registry's
// JSON error body; control characters are dropped, long texts cut.
absl::Status RegistryError(int http_status, absl::string_view body,
                           absl::string_view authenticate);

// One endpoint that was tried: its URL and what came of it.
using Attempt = std::pair<std::string, absl::Status>;

// All attempts as one status. The code is the most telling one: a registry that
// refused over one that did not know, over one that could not be reached;
// CANCELLED and DEADLINE_EXCEEDED over all.
absl::Status AllFailed(const std::vector<Attempt>& attempts);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_ERRORS_H_
