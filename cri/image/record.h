// SPDX-License-Identifier: Apache-2.0
// The store's records as text: one header line with kind, version and checksum,
// then JSON. Pure functions; README.md describes the fields.
#ifndef CORACLE_CRI_IMAGE_RECORD_H_
#define CORACLE_CRI_IMAGE_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cri::image {

// A tag and when it was given: after a crash between the two records of a tag
// that moves, the higher sequence number tells who has it.
struct Tag {
  std::string name;  // "docker.io/library/busybox:1.37"
  uint64_t sequence = 0;
};

struct ImageRecord {
  std::string id;
  std::vector<Tag> tags;
  std::vector<std::string> digests;  // "docker.io/library/busybox@sha256:…"
  std::vector<std::string> layers;   // diff IDs, lowest first
};

struct LayerRecord {
  std::string diff_id;
  uint64_t bytes = 0;
  uint64_t inodes = 0;
  // Directories that its entries needed but it did not carry, parents first.
  std::vector<std::string> implied;
};

struct HoldRecord {
  std::string holder;
  std::vector<std::string> layers;
  std::vector<std::string> images;  // ids; none in records of older versions
};

std::string Encode(const ImageRecord& record);
std::string Encode(const LayerRecord& record);
std::string Encode(const HoldRecord& record);

// DATA_LOSS "<source>: …" for a wrong checksum, kind or version, or fields that
// make no sense.
absl::StatusOr<ImageRecord> DecodeImage(absl::string_view text,
                                        absl::string_view source);
absl::StatusOr<LayerRecord> DecodeLayer(absl::string_view text,
                                        absl::string_view source);
absl::StatusOr<HoldRecord> DecodeHold(absl::string_view text,
                                      absl::string_view source);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_RECORD_H_
