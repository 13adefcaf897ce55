// SPDX-License-Identifier: Apache-2.0
// Images on disk as a Source: an OCI layout directory, or a tar (plain, gzip,
// zstd) of an OCI layout or of `docker save`.
#ifndef CORACLE_CRI_IMAGE_ARCHIVE_H_
#define CORACLE_CRI_IMAGE_ARCHIVE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cri/image/installer.h"
#include "cri/image/source.h"
#include "runtime/base/unique_fd.h"

namespace cri::image {

// One image of a layout.
struct LayoutImage {
  Names names;
  Descriptor descriptor;
  std::string manifest;
  // Of a `docker save` archive, which has no manifest of its own:
  bool docker = false;
  std::string config_path;
  std::vector<std::string> layer_paths;
};

// Thread safe once open. Files are opened inside its root only.
class Layout : public Source {
 public:
  // A tar is unpacked into `scratch`, which the destructor removes.
  static absl::StatusOr<std::unique_ptr<Layout>> Open(
      const std::string& path, const std::string& scratch);
  ~Layout() override;

  // The images with their names: `name` if given (the layout must then hold
  // one image), else those that it carries.
  absl::StatusOr<std::vector<LayoutImage>> Images(const std::string& name);

  // Config and layers of a `docker save` image; the blob digests are computed
  // here, the diff IDs are verified as for any image.
  absl::StatusOr<Plan> DockerPlan(const LayoutImage& image);

  absl::StatusOr<std::string> FetchManifest(const Descriptor& descriptor,
                                            const Control& control,
                                            std::string* media_type) override;
  absl::Status FetchBlob(const Descriptor& descriptor, const Control& control,
                         const Sink& sink) override;

 private:
  Layout() = default;
  absl::Status Extract(const std::string& path, const std::string& scratch);
  absl::StatusOr<runtime::UniqueFd> OpenRegular(const std::string& path);
  absl::StatusOr<std::string> ReadSmall(const std::string& path, size_t max);
  absl::StatusOr<std::vector<LayoutImage>> OciImages(const std::string& index,
                                                     const std::string& name);
  absl::StatusOr<std::vector<LayoutImage>> DockerImages(
      const std::string& manifest, const std::string& name);

  runtime::UniqueFd root_;
  std::string scratch_;                       // empty for a directory
  std::map<std::string, std::string> paths_;  // digest → file, docker only
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_ARCHIVE_H_
