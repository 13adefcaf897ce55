// SPDX-License-Identifier: Apache-2.0
#include "cri/image/pinned.h"

#include <fnmatch.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "cri/image/reference.h"

namespace cri::image {
namespace {

// Letters of names, so that nothing but '*' means something to fnmatch(3), and
// a host at the begin.
bool IsPattern(absl::string_view text) {
  const bool letters = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("*._-/:@", c);
  });
  if (!letters || !absl::StrContains(text, '*')) return false;
  const size_t slash = text.find('/');
  const absl::string_view host = text.substr(0, slash);
  if (slash == absl::string_view::npos) return host[0] == '*';
  return host == "localhost" || host.find_first_of("*.:") != host.npos;
}

}  // namespace

bool IsPinnedName(const std::string& text) {
  return IsPattern(text) || ParseReference(text).ok();
}

PinnedNames::PinnedNames(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (IsPattern(text)) {
      patterns_.push_back(text);
    } else if (const auto name = ParseReference(text); name.ok()) {
      names_.insert(name->ToString());
    }
  }
}

bool PinnedNames::Has(const std::string& name) const {
  if (names_.count(name) > 0) return true;
  const bool digest = absl::StrContains(name, '@');
  return std::any_of(
      patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
        return (!digest || absl::StrContains(pattern, '@')) &&
               fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
      });
}

}  // namespace cri::image
