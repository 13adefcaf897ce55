// SPDX-License-Identifier: Apache-2.0
#include "runtime/external/features.h"

#include <algorithm>

#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace runtime::external {

absl::StatusOr<Features> ParseFeatures(absl::string_view text) {
  ASSIGN_OR_RETURN(Json json, ParseJson(text, "features"));
  if (!json.is_object() || StringAt(json, "ociVersionMax").empty()) {
    return absl::InvalidArgumentError("features: no ociVersionMax in it");
  }
  Features features;
  const Json& options = ArrayAt(json, "mountOptions");
  features.recursive_read_only_mounts =
      std::find(options.begin(), options.end(), Json("rro")) != options.end();
  features.id_mapped_mounts =
      BoolAt(At(json, {"linux", "mountExtensions", "idmap"}), "enabled");
  return features;
}

}  // namespace runtime::external
