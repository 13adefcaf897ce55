// SPDX-License-Identifier: Apache-2.0
#include "cri/image/reference.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cri/image/digest.h"

namespace cri::image {
namespace {

constexpr size_t kMaxName = 255;
constexpr size_t kMaxTag = 128;
constexpr char kDefaultHost[] = "docker.io";

bool IsLowerOrDigit(char c) {
  return absl::ascii_islower(c) || absl::ascii_isdigit(c);
}

// Letters and digits, joined by ".", "_", "__" or any number of "-".
bool IsPathComponent(absl::string_view text) {
  if (text.empty() || !IsLowerOrDigit(text.front()) ||
      !IsLowerOrDigit(text.back())) {
    return false;
  }
  for (size_t i = 0; i < text.size();) {
    size_t begin = i;
    while (i < text.size() && !IsLowerOrDigit(text[i])) ++i;
    absl::string_view joint = text.substr(begin, i - begin);
    bool dashes = std::all_of(joint.begin(), joint.end(),
                              [](char c) { return c == '-'; });
    if (!dashes && joint != "." && joint != "_" && joint != "__") return false;
    while (i < text.size() && IsLowerOrDigit(text[i])) ++i;
  }
  return true;
}

bool IsPort(absl::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

bool IsHost(absl::string_view text) {
  if (absl::StartsWith(text, "[")) {  // IPv6
    size_t end = text.find(']');
    if (end == absl::string_view::npos || end < 3) return false;
    absl::string_view address = text.substr(1, end - 1);
    if (!std::all_of(address.begin(), address.end(), [](char c) {
          return absl::ascii_isxdigit(c) || c == ':' || c == '.';
        })) {
      return false;
    }
    absl::string_view rest = text.substr(end + 1);
    return rest.empty() || (absl::ConsumePrefix(&rest, ":") && IsPort(rest));
  }
  size_t colon = text.find(':');
  if (colon != absl::string_view::npos) {
    if (!IsPort(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  for (absl::string_view label : absl::StrSplit(text, '.')) {
    if (label.empty() || label.front() == '-' || label.back() == '-') {
      return false;
    }
    if (!std::all_of(label.begin(), label.end(), [](char c) {
          return absl::ascii_isalnum(c) || c == '-';
        })) {
      return false;
    }
  }
  return true;
}

bool IsTag(absl::string_view text) {
  if (text.empty() || text.size() > kMaxTag) return false;
  if (text.front() == '.' || text.front() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
}

absl::Status Invalid(absl::string_view text, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(
      "invalid image reference \"", text.substr(0, 300), "\": ", reason));
}

// Docker's rule: the first component is a host if it could not be a path on the
// default registry: it has a dot, a colon or an upper-case letter, or it is
// "localhost".
bool FirstIsHost(absl::string_view first) {
  return first == "localhost" ||
         first.find_first_of(".:[") != absl::string_view::npos ||
         std::any_of(first.begin(), first.end(), absl::ascii_isupper);
}

absl::Status SplitName(absl::string_view text, absl::string_view name,
                       Reference* out) {
  size_t slash = name.find('/');
  if (slash != absl::string_view::npos && FirstIsHost(name.substr(0, slash))) {
    out->host = std::string(name.substr(0, slash));
    name.remove_prefix(slash + 1);
    if (!IsHost(out->host)) {
      return Invalid(text, absl::StrCat("\"", out->host, "\" is not a host"));
    }
  } else {
    out->host = kDefaultHost;
  }
  if (out->host == "index.docker.io") out->host = kDefaultHost;
  out->repository = std::string(name);
  if (out->host == kDefaultHost && !absl::StrContains(name, '/')) {
    out->repository = absl::StrCat("library/", name);
  }
  for (absl::string_view part : absl::StrSplit(name, '/')) {
    if (part.empty()) return Invalid(text, "empty name component");
    if (std::any_of(part.begin(), part.end(), absl::ascii_isupper)) {
      return Invalid(text, "the repository name must be lower case");
    }
    if (!IsPathComponent(part)) {
      return Invalid(text,
                     absl::StrCat("\"", part, "\" is not a repository name"));
    }
  }
  if (out->Name().size() > kMaxName) {
    return Invalid(text, "the name is longer than 255 characters");
  }
  return absl::OkStatus();
}

}  // namespace

std::string Reference::Name() const {
  return absl::StrCat(host, "/", repository);
}

std::string Reference::ToString() const {
  return digest.empty() ? absl::StrCat(Name(), ":", tag)
                        : absl::StrCat(Name(), "@", digest);
}

absl::StatusOr<Reference> ParseReference(absl::string_view text) {
  if (text.empty()) return Invalid(text, "it is empty");
  if (absl::StrContains(text, "://")) {
    return Invalid(text, "it must not begin with a scheme such as https://");
  }
  Reference reference;
  absl::string_view name = text;
  size_t at = name.find('@');
  if (at != absl::string_view::npos) {
    reference.digest = std::string(name.substr(at + 1));
    if (!IsDigest(reference.digest)) {
      return Invalid(text,
                     "what follows @ is not sha256: with 64 hexadecimal digits "
                     "(or sha512: with 128)");
    }
    name = name.substr(0, at);
  }
  size_t colon = name.rfind(':');
  if (colon != absl::string_view::npos &&
      !absl::StrContains(name.substr(colon), '/')) {
    reference.tag = std::string(name.substr(colon + 1));
    if (!IsTag(reference.tag)) {
      return Invalid(text, absl::StrCat("\"", reference.tag.substr(0, 140),
                                        "\" is not a tag"));
    }
    name = name.substr(0, colon);
  }
  if (auto status = SplitName(text, name, &reference); !status.ok()) {
    return status;
  }
  if (!reference.digest.empty()) {
    reference.tag.clear();
  } else if (reference.tag.empty()) {
    reference.tag = "latest";
  }
  return reference;
}

bool LooksLikeId(absl::string_view text) {
  absl::ConsumePrefix(&text, "sha256:");
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace cri::image
