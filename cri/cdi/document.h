// SPDX-License-Identifier: Apache-2.0
// YAML and JSON documents as JSON values.
#ifndef CORACLE_CRI_CDI_DOCUMENT_H_
#define CORACLE_CRI_CDI_DOCUMENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/json.h"

namespace cri::cdi {

// JSON if `path` ends in ".json", else YAML, whose plain words become null,
// booleans and integers (decimal, 0x… and 0o…) where they look like them.
// INVALID_ARGUMENT begins with `path`.
absl::StatusOr<runtime::Json> ParseDocument(absl::string_view text,
                                            const std::string& path);

}  // namespace cri::cdi

#endif  // CORACLE_CRI_CDI_DOCUMENT_H_
