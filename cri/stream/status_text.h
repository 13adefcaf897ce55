// SPDX-License-Identifier: Apache-2.0
// How an exec or attach ended, as the error stream tells it.
#ifndef CORACLE_CRI_STREAM_STATUS_TEXT_H_
#define CORACLE_CRI_STREAM_STATUS_TEXT_H_

#include <string>

#include "absl/status/statusor.h"

namespace cri::stream {

// `result` is the exit code, or why there is none. As JSON (v4 and later): a
// Kubernetes Status object. As plain text (before v4): a sentence, or nothing
// after success.
std::string StatusText(const absl::StatusOr<int>& result, bool json);

}  // namespace cri::stream

#endif  // CORACLE_CRI_STREAM_STATUS_TEXT_H_
