// SPDX-License-Identifier: Apache-2.0
// Manifests, indexes and image configs: parsed from what a registry or an
// archive sends, with every count and size capped and every ambiguity refused.
// Pure functions.
#ifndef CORACLE_CRI_IMAGE_MANIFEST_H_
#define CORACLE_CRI_IMAGE_MANIFEST_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cri::image {

inline constexpr size_t kMaxManifestBytes = 4 << 20;
inline constexpr size_t kMaxConfigBytes = 8 << 20;
// overlayfs takes 500 lower directories.
inline constexpr size_t kMaxLayers = 500;
inline constexpr size_t kMaxIndexEntries = 1024;

struct Platform {
  std::string os, architecture, variant;
  std::string ToString() const;
};
// What this machine runs, in OCI words ("linux", "amd64").
const Platform& NodePlatform();

struct Descriptor {
  std::string media_type;
  std::string digest;
  uint64_t size = 0;
  Platform platform;  // empty fields if the index does not say
  std::map<std::string, std::string> annotations;
};

// Either an index (manifests) or a manifest (config, layers).
struct Manifest {
  bool is_index = false;
  std::vector<Descriptor> manifests;
  Descriptor config;
  std::vector<Descriptor> layers;
};

// The Accept header value for manifests and indexes.
extern const char kManifestAccept[];

bool IsIndexType(absl::string_view media_type);
bool IsManifestType(absl::string_view media_type);

// `media_type` is what the descriptor or the HTTP Content-Type said; empty and
// general types (application/json, …) are then settled by the body. `source`
// names the document in errors.
absl::StatusOr<Manifest> ParseManifest(absl::string_view body,
                                       absl::string_view media_type,
                                       absl::string_view source);

// The entry of an index for `platform`; NOT_FOUND lists what the index offers.
absl::StatusOr<Descriptor> SelectPlatform(const Manifest& index,
                                          const Platform& platform,
                                          absl::string_view source);

struct ImageConfig {
  Platform platform;
  std::vector<std::string> diff_ids;
  std::string user, working_dir, stop_signal;
  std::vector<std::string> env, entrypoint, cmd, volumes;
  std::map<std::string, std::string> labels;
};

absl::StatusOr<ImageConfig> ParseConfig(absl::string_view body,
                                        absl::string_view source);

// Checks that config and manifest belong together and fit this node.
absl::Status CheckImage(const Manifest& manifest, const ImageConfig& config,
                        const Platform& platform, absl::string_view source);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_MANIFEST_H_
