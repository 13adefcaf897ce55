// SPDX-License-Identifier: Apache-2.0
#include "cri/image/digest.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cri::image {
namespace {

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

}  // namespace

bool IsDigest(absl::string_view text) {
  size_t length = 0;
  if (absl::StartsWith(text, "sha256:")) length = 64;
  if (absl::StartsWith(text, "sha512:")) length = 128;
  if (length == 0 || text.size() != 7 + length) return false;
  return IsLowerHex(text.substr(7));
}

absl::string_view Hex(absl::string_view digest) {
  size_t colon = digest.find(':');
  return colon == absl::string_view::npos ? digest : digest.substr(colon + 1);
}

std::string FileName(absl::string_view digest) {
  std::string name(digest);
  std::replace(name.begin(), name.end(), ':', '-');
  return name;
}

std::string DigestOfFileName(absl::string_view name) {
  std::string digest(name);
  if (digest.size() > 6 && digest[6] == '-') digest[6] = ':';
  return IsDigest(digest) ? digest : "";
}

Hasher::Hasher(absl::string_view like)
    : sha512_(absl::StartsWith(like, "sha512")), context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_.get(), sha512_ ? EVP_sha512() : EVP_sha256(),
                    nullptr);
}

void Hasher::Update(absl::string_view data) {
  EVP_DigestUpdate(context_.get(), data.data(), data.size());
}

std::string Hasher::Finish() {
  unsigned char value[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_DigestFinal_ex(context_.get(), value, &length);
  return absl::StrCat(sha512_ ? "sha512:" : "sha256:",
                      absl::BytesToHexString(absl::string_view(
                          reinterpret_cast<const char*>(value), length)));
}

std::string Sha256(absl::string_view data) {
  Hasher hasher;
  hasher.Update(data);
  return hasher.Finish();
}

std::string ChainId(const std::vector<std::string>& diff_ids) {
  std::string chain;
  for (const std::string& diff_id : diff_ids) {
    chain = chain.empty() ? diff_id : Sha256(absl::StrCat(chain, " ", diff_id));
  }
  return chain;
}

absl::Status VerifyDigest(absl::string_view data, absl::string_view digest,
                          absl::string_view what) {
  Hasher hasher(digest);
  hasher.Update(data);
  std::string actual = hasher.Finish();
  if (actual == digest) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(what, ": digest is ", actual, ", expected ", digest));
}

}  // namespace cri::image
