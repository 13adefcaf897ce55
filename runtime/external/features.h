// SPDX-License-Identifier: Apache-2.0
// What an OCI runtime says about itself with its `features` command.
#ifndef CORACLE_RUNTIME_EXTERNAL_FEATURES_H_
#define CORACLE_RUNTIME_EXTERNAL_FEATURES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::external {

struct Features {
  bool recursive_read_only_mounts = false;
  bool id_mapped_mounts = false;
};

// INVALID_ARGUMENT if `text` is not what the command prints.
absl::StatusOr<Features> ParseFeatures(absl::string_view text);

}  // namespace runtime::external

#endif  // CORACLE_RUNTIME_EXTERNAL_FEATURES_H_
