// SPDX-License-Identifier: Apache-2.0
#include "agent/join/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"

namespace agent::join {
namespace {

bool IsTokenPart(absl::string_view text, size_t length) {
  return text.size() == length &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

absl::Status BadSignature(absl::string_view why) {
  return absl::PermissionDeniedError(absl::StrCat("signature: ", why));
}

// base64url without padding, as JOSE writes it.
std::string Base64Url(absl::string_view data) {
  std::string text = absl::WebSafeBase64Escape(data);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

}  // namespace

absl::StatusOr<BootstrapToken> ParseToken(absl::string_view text) {
  const size_t dot = text.find('.');
  if (dot == absl::string_view::npos || !IsTokenPart(text.substr(0, dot), 6) ||
      !IsTokenPart(text.substr(dot + 1), 16)) {
    return absl::InvalidArgumentError(
        "the token is not of the form abcdef.0123456789abcdef");
  }
  return BootstrapToken{std::string(text.substr(0, dot)),
                        std::string(text.substr(dot + 1))};
}

absl::Status VerifyJws(absl::string_view jws, absl::string_view payload,
                       const BootstrapToken& token) {
  const std::vector<std::string> parts = absl::StrSplit(jws, '.');
  if (parts.size() != 3 || !parts[1].empty()) {
    return BadSignature("not a detached JWS");
  }
  std::string header_text, signature;
  if (!absl::WebSafeBase64Unescape(parts[0], &header_text) ||
      !absl::WebSafeBase64Unescape(parts[2], &signature)) {
    return BadSignature("not base64url");
  }
  ASSIGN_OR_RETURN(const runtime::Json header,
                   runtime::ParseJson(header_text, "JWS header"));
  // The algorithm is fixed by us, never chosen by the header ("none").
  if (runtime::StringAt(header, "alg") != "HS256") {
    return BadSignature("algorithm is not HS256");
  }
  if (runtime::StringAt(header, "kid") != token.id) {
    return BadSignature("made with another token");
  }
  const std::string input = absl::StrCat(parts[0], ".", Base64Url(payload));
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned mac_size = 0;
  HMAC(EVP_sha256(), token.secret.data(), static_cast<int>(token.secret.size()),
       reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac,
       &mac_size);
  if (signature.size() != mac_size ||
      CRYPTO_memcmp(signature.data(), mac, mac_size) != 0) {
    return BadSignature("does not match the token");
  }
  return absl::OkStatus();
}

}  // namespace agent::join
