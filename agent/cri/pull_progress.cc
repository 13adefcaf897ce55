// SPDX-License-Identifier: Apache-2.0
#include "agent/cri/pull_progress.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

namespace agent::cri {

namespace {

using runtime::IntAt;
using runtime::Json;

// Callers of one image may be in one pull, or wait for a registry each.
bool IsFurther(const PullProgress& a, const PullProgress& b) {
  return std::tie(a.bytes_done, a.layers) > std::tie(b.bytes_done, b.layers);
}

}  // namespace

absl::StatusOr<std::vector<PullProgress>> PullsIn(
    const ::runtime::v1::StatusResponse& status) {
  const auto found = status.info().find("pulls");
  if (found == status.info().end()) {
    return absl::UnimplementedError(
        "the runtime does not say how far its pulls are");
  }
  ASSIGN_OR_RETURN(const Json list,
                   runtime::ParseJson(found->second, "info.pulls"));
  std::map<std::string, PullProgress> furthest;
  if (!list.is_array()) return std::vector<PullProgress>();
  for (const Json& item : list) {
    PullProgress pull;
    pull.image = runtime::StringAt(item, "requested");
    if (pull.image.empty()) continue;
    const auto number = [&item = item](const char* key) {
      return std::max<int64_t>(0, IntAt(item, key));
    };
    pull.layers = number("layers");
    pull.layers_done = number("layers_done");
    pull.layers_waiting = number("layers_waiting");
    pull.bytes = static_cast<uint64_t>(number("bytes"));
    pull.bytes_done = static_cast<uint64_t>(number("bytes_done"));
    const auto [known, fresh] = furthest.try_emplace(pull.image, pull);
    if (!fresh && IsFurther(pull, known->second)) known->second = pull;
  }
  std::vector<PullProgress> pulls;
  for (const auto& [image, pull] : furthest) pulls.push_back(pull);
  return pulls;
}

std::string Describe(const PullProgress& pull) {
  if (pull.layers == 0) return "layers are not known yet";
  return absl::StrCat(
      runtime::HumanBytes(pull.bytes_done), " of ",
      runtime::HumanBytes(pull.bytes), ", ", pull.layers_done, " of ",
      pull.layers, " layers",
      pull.layers_waiting > 0
          ? absl::StrCat(", ", pull.layers_waiting, " wait for other images")
          : "");
}

}  // namespace agent::cri
