// SPDX-License-Identifier: Apache-2.0
// Reads a file out of a stack of layers without mounting it: the topmost layer
// wins, whiteouts hide, symlinks are followed inside the stack only.
#ifndef CORACLE_CRI_IMAGE_LOOKUP_H_
#define CORACLE_CRI_IMAGE_LOOKUP_H_

#include <sys/stat.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cri::image {

// `layer_dirs` lowest first. nullopt if there is no such file;
// INVALID_ARGUMENT if it is not a regular file or its links loop;
// RESOURCE_EXHAUSTED if it is larger than `max_bytes`.
absl::StatusOr<std::optional<std::string>> ReadLayeredFile(
    const std::vector<std::string>& layer_dirs, const std::string& path,
    size_t max_bytes);

// What stands at `path` in the stack. No link on the way is followed: below one
// there is nothing.
struct LayeredStat {
  struct stat st {};
  std::string target;  // of a symbolic link
};
absl::StatusOr<std::optional<LayeredStat>> StatLayered(
    const std::vector<std::string>& layer_dirs, const std::string& path);

// The path of the directory that `path` leads to with all links followed inside
// the stack ("usr/lib" for "lib"); nullopt if it leads to none.
absl::StatusOr<std::optional<std::string>> ResolveLayeredDirectory(
    const std::vector<std::string>& layer_dirs, const std::string& path);

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_LOOKUP_H_
