// SPDX-License-Identifier: Apache-2.0
// Who a container runs as: from the request, the image's USER and the image's
// own passwd and group files. Strict about numbers: nothing wraps, nothing
// partial becomes root (CVE-2024-40635, CVE-2026-30892).
#ifndef CORACLE_CRI_CONTAINER_USER_H_
#define CORACLE_CRI_CONTAINER_USER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/cri/v1/api.pb.h"

namespace cri::container {

struct Identity {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;  // sorted, with gid, each once
  std::string home;              // of the passwd entry, or "/"
};

// A file of the image ("/etc/passwd"), nullopt if it has none.
using ImageFile =
    std::function<absl::StatusOr<std::optional<std::string>>(const char* path)>;

// INVALID_ARGUMENT if a number is out of range, or a group is given without a
// user.
absl::Status CheckIds(
    const runtime::v1::LinuxContainerSecurityContext& security);

// INVALID_ARGUMENT also if a name is unknown.
absl::StatusOr<Identity> ResolveIdentity(
    const runtime::v1::LinuxContainerSecurityContext& security,
    const std::string& image_user, const ImageFile& read);

// "1000" → 1000; nullopt unless it is a whole decimal number that is a valid
// UID or GID (below 2³¹, as in Kubernetes' own validation).
std::optional<uint32_t> ParseId(absl::string_view text);

}  // namespace cri::container

#endif  // CORACLE_CRI_CONTAINER_USER_H_
