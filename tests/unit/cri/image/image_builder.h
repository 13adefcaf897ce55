// SPDX-License-Identifier: Apache-2.0
// Makes layers, images and OCI layouts for tests, good and evil ones.
#ifndef CORACLE_TESTS_UNIT_CRI_IMAGE_IMAGE_BUILDER_H_
#define CORACLE_TESTS_UNIT_CRI_IMAGE_IMAGE_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/json.h"

namespace cri::image {

// One tar entry. The default is a regular file 0644 root:root.
struct TarEntry {
  std::string path;
  std::string content;
  unsigned type = 0100000;  // S_IFREG, S_IFDIR, S_IFLNK, …
  unsigned mode = 0644;
  std::string link;      // symbolic link target
  std::string hardlink;  // hard link target
  int64_t uid = 0, gid = 0;
  int64_t mtime = 1700000000;
  unsigned dev_major = 0, dev_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;
};

TarEntry File(const std::string& path, const std::string& content,
              unsigned mode = 0644);
TarEntry Dir(const std::string& path, unsigned mode = 0755);
TarEntry Symlink(const std::string& path, const std::string& target);
TarEntry HardLink(const std::string& path, const std::string& target);

// A tar in pax format, uncompressed.
std::string MakeTar(const std::vector<TarEntry>& entries);
std::string Gzip(const std::string& data);
std::string Zstd(const std::string& data);

// An image as blobs: layers (compressed as given), config, manifest.
class ImageBuilder {
 public:
  enum Compression { kGzip, kZstd, kNone };

  ImageBuilder();
  ImageBuilder& AddLayer(const std::vector<TarEntry>& entries,
                         Compression compression = kGzip);
  // A layer of these exact bytes; `diff_id` empty: of the tar itself.
  ImageBuilder& AddRawLayer(const std::string& blob, const std::string& tar);

  // Writes the layout (oci-layout, index.json, blobs) below `dir`.
  void Write(const std::string& dir, const std::string& ref_name);

  std::string ManifestText() const;
  std::string ManifestDigest() const;
  std::string Id() const;  // the config's digest

  runtime::Json config;    // change before Write
  runtime::Json manifest;  // layers are filled by AddLayer
  std::vector<std::string> diff_ids;

 private:
  std::string ConfigText() const;
  std::vector<std::string> blobs_;
};

}  // namespace cri::image

#endif  // CORACLE_TESTS_UNIT_CRI_IMAGE_IMAGE_BUILDER_H_
