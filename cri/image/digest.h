// SPDX-License-Identifier: Apache-2.0
// Content digests: "sha256:<hex>" and "sha512:<hex>", by OpenSSL.
#ifndef CORACLE_CRI_IMAGE_DIGEST_H_
#define CORACLE_CRI_IMAGE_DIGEST_H_

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cri::image {

// True for a well-formed digest of an algorithm that we can verify. Such a
// string is safe as part of a file name once ':' is replaced (FileName).
bool IsDigest(absl::string_view text);

// The part after the colon.
absl::string_view Hex(absl::string_view digest);

// "sha256-<hex>": the digest as one path component.
std::string FileName(absl::string_view digest);
// The reverse; empty if `name` is no such name.
std::string DigestOfFileName(absl::string_view name);

// Hashes a stream. `like` is a digest or an algorithm name and selects the
// algorithm (sha256 unless it begins with "sha512"). Not thread safe.
class Hasher {
 public:
  explicit Hasher(absl::string_view like = "sha256");

  void Update(absl::string_view data);
  // The digest of all data so far; the hasher is used up.
  std::string Finish();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const bool sha512_;
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

std::string Sha256(absl::string_view data);

// The chain ID of the OCI image-spec (config.md): what these layers, lowest
// first, are together. Empty without layers.
std::string ChainId(const std::vector<std::string>& diff_ids);

// DATA_LOSS "<what>: digest is …, expected …" unless `data` hashes to `digest`.
absl::Status VerifyDigest(absl::string_view data, absl::string_view digest,
                          absl::string_view what);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_DIGEST_H_
