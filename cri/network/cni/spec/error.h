// SPDX-License-Identifier: Apache-2.0
// The error object of a plugin (CNI spec, section 5) and the Status that it
// becomes. No I/O.
#ifndef CORACLE_CRI_NETWORK_CNI_SPEC_ERROR_H_
#define CORACLE_CRI_NETWORK_CNI_SPEC_ERROR_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cri::network::cni {

// The spec's codes that callers act on.
inline constexpr int64_t kUnknownContainer = 3;
inline constexpr int64_t kTryAgainLater = 11;
inline constexpr int64_t kNotAvailable = 50;
inline constexpr int64_t kLimitedConnectivity = 51;

struct PluginError {
  int64_t code = 0;
  std::string message, details;
};

// What a failed plugin wrote: "msg; details (CNI code 7: invalid network
// configuration)". If `output` is no error object, what it wrote instead, or
// the end of `log` (its standard error), is told.
PluginError ParseError(absl::string_view output, absl::string_view log);

// UNAVAILABLE if it may pass by itself, FAILED_PRECONDITION if configuration or
// environment are wrong, else UNKNOWN. The code stays readable (CodeOf).
absl::Status ToStatus(const PluginError& error);

// The CNI code of a Status made by ToStatus.
std::optional<int64_t> CodeOf(const absl::Status& status);

}  // namespace cri::network::cni

#endif  // CORACLE_CRI_NETWORK_CNI_SPEC_ERROR_H_
