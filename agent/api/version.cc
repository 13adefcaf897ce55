// SPDX-License-Identifier: Apache-2.0
#include "agent/api/version.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace agent::api {
namespace {

bool IsNumber(const std::string& text) {
  return !text.empty() && text[0] != '0' &&
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

}  // namespace

std::string VersionOf(const runtime::Json& object) {
  return runtime::StringAt(object, {"metadata", "resourceVersion"});
}

bool IsNotNewer(const std::string& version, const std::string& than) {
  if (version.empty() || than.empty()) return false;
  if (version == than) return true;
  if (!IsNumber(version) || !IsNumber(than)) return false;
  if (version.size() != than.size()) return version.size() < than.size();
  return version < than;
}

}  // namespace agent::api
