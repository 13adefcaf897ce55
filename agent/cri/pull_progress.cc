// SPDX-License-Identifier: Apache-2.0
#include "agent/cri/pull_progress.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

namespace agent::cri {

using runtime::IntAt;
using runtime::Json;

absl::StatusOr<std::vector<PullProgress>> PullsIn(
    const ::runtime::v1::StatusResponse& status) {
  const auto found = status.info().find("pulls");
  if (found == status.info().end()) {
    return absl::UnimplementedError(
        "the runtime does not say how far its pulls are");
  }
  ASSIGN_OR_RETURN(const Json list,
                   runtime::ParseJson(found->second, "info.pulls"));
  std::vector<PullProgress> pulls;
  if (!list.is_array()) return pulls;
  for (const Json& item : list) {
    PullProgress pull;
    pull.image = runtime::StringAt(item, "requested");
    if (pull.image.empty()) continue;
    pull.layers = IntAt(item, "layers");
    pull.layers_done = IntAt(item, "layers_done");
    pull.layers_waiting = IntAt(item, "layers_waiting");
    pull.bytes = static_cast<uint64_t>(IntAt(item, "bytes"));
    pull.bytes_done = static_cast<uint64_t>(IntAt(item, "bytes_done"));
    pulls.push_back(std::move(pull));
  }
  return pulls;
}

std::string Describe(const PullProgress& pull) {
  if (pull.layers == 0) return "no answer from the registry yet";
  return absl::StrCat(
      runtime::HumanBytes(pull.bytes_done), " of ",
      runtime::HumanBytes(pull.bytes), ", ", pull.layers_done, " of ",
      pull.layers, " layers",
      pull.layers_waiting > 0
          ? absl::StrCat(", ", pull.layers_waiting, " wait for other images")
          : "");
}

}  // namespace agent::cri
