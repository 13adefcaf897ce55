// SPDX-License-Identifier: Apache-2.0
#include "agent/volume/empty_dir.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "agent/env/env.h"
#include "agent/volume/mount.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace agent::volume {
namespace {

using runtime::ArrayAt;
using runtime::At;
using runtime::ErrnoStatus;
using runtime::StringAt;

constexpr mode_t kMode = 0777;

// Bytes of a quantity field, 0 if missing; an unreadable one is an error.
absl::StatusOr<int64_t> Bytes(const Json& value, absl::string_view what) {
  if (value.is_null()) return 0;
  absl::StatusOr<int64_t> bytes =
      env::QuantityBytes(value.is_string() ? value.get_ref<const std::string&>()
                                           : runtime::DumpJson(value));
  return bytes.ok() ? bytes : runtime::Annotate(bytes.status(), what);
}

// The pod's memory limit, 0 if one of its containers has none.
absl::StatusOr<int64_t> PodMemoryLimit(const Json& spec) {
  ASSIGN_OR_RETURN(int64_t pod,
                   Bytes(At(spec, {"resources", "limits", "memory"}),
                         "resources.limits.memory"));
  if (pod > 0) return pod;
  int64_t sum = 0, largest_init = 0;
  for (absl::string_view list : {"containers", "initContainers"}) {
    for (const Json& container : ArrayAt(spec, list)) {
      ASSIGN_OR_RETURN(
          int64_t limit,
          Bytes(At(container, {"resources", "limits", "memory"}),
                absl::StrCat("container ", StringAt(container, "name"))));
      if (limit <= 0) return 0;
      bool stays = list == "containers" ||
                   StringAt(container, "restartPolicy") == "Always";
      if (stays) {
        if (__builtin_add_overflow(sum, limit, &sum)) return 0;
      } else {
        largest_init = std::max(largest_init, limit);
      }
    }
  }
  return std::max(sum, largest_init);
}

absl::StatusOr<int64_t> MemorySize(const Json& pod, const Json& source,
                                   const NodeFacts& node) {
  ASSIGN_OR_RETURN(int64_t size,
                   Bytes(At(node.allocatable, "memory"), "node memory"));
  ASSIGN_OR_RETURN(int64_t pod_limit, PodMemoryLimit(At(pod, "spec")));
  ASSIGN_OR_RETURN(int64_t own, Bytes(At(source, "sizeLimit"), "sizeLimit"));
  for (int64_t limit : {pod_limit, own}) {
    if (limit > 0 && (size <= 0 || limit < size)) size = limit;
  }
  return size;
}

// Mode and owner are mount options, so that the mount is right at once.
std::string RootOptions(const Ownership& ownership, mode_t mode) {
  std::string options = absl::StrFormat("mode=%04o", ownership.Directory(mode));
  if (ownership.group) absl::StrAppend(&options, ",gid=", *ownership.group);
  return options;
}

// "HugePages-2Mi" → "2M"; plain "HugePages" takes the size the pod asks for.
absl::StatusOr<std::string> HugePageSize(const Json& pod,
                                         absl::string_view medium) {
  absl::string_view size = medium;
  std::string found;
  if (absl::ConsumePrefix(&size, "HugePages-")) {
    found = std::string(size);
  } else {
    for (const Json& container : ArrayAt(At(pod, "spec"), "containers")) {
      for (const auto& [name, value] :
           runtime::ObjectAt(At(container, "resources"), "requests").items()) {
        absl::string_view page = name;
        if (!absl::ConsumePrefix(&page, "hugepages-")) continue;
        if (!found.empty() && found != page) {
          return absl::InvalidArgumentError(
              "medium HugePages: the pod uses several page sizes");
        }
        found = std::string(page);
      }
    }
  }
  ASSIGN_OR_RETURN(int64_t bytes, env::QuantityBytes(found));
  return absl::StrCat(bytes >> 20, "M");
}

absl::Status PrepareMountPoint(const std::string& path, bool* mounted) {
  RETURN_IF_ERROR(runtime::MakeDirs(path, 0750));
  ASSIGN_OR_RETURN(*mounted, IsMountPoint(path));
  return absl::OkStatus();
}

// Made under another name and renamed when complete: a crash in between leaves
// no directory with half its rights.
absl::Status MakePlain(const std::string& path, const Ownership& ownership) {
  if (runtime::Exists(path)) return absl::OkStatus();
  std::string temporary = absl::StrCat(path, ".tmp~");
  RETURN_IF_ERROR(runtime::MakeDirs(temporary, 0750));
  if (ownership.group &&
      chown(temporary.c_str(), static_cast<uid_t>(-1), *ownership.group) != 0) {
    return ErrnoStatus(absl::StrCat("chown ", temporary));
  }
  if (chmod(temporary.c_str(), ownership.Directory(kMode)) != 0) {
    return ErrnoStatus(absl::StrCat("chmod ", temporary));
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return ErrnoStatus(absl::StrCat("rename ", temporary));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MakeEmptyDir(const Json& pod, const Json& source,
                          const std::string& path, const Ownership& ownership,
                          const NodeFacts& node) {
  std::string medium = StringAt(source, "medium");
  if (medium.empty()) return MakePlain(path, ownership);
  bool mounted = false;
  std::string options = RootOptions(ownership, kMode);
  if (medium == "Memory") {
    ASSIGN_OR_RETURN(int64_t size, MemorySize(pod, source, node));
    if (size > 0) absl::StrAppend(&options, ",size=", size);
    RETURN_IF_ERROR(PrepareMountPoint(path, &mounted));
    return mounted ? absl::OkStatus() : MountTmpfs(path, options);
  }
  if (medium == "HugePages" || absl::StartsWith(medium, "HugePages-")) {
    ASSIGN_OR_RETURN(std::string size, HugePageSize(pod, medium));
    RETURN_IF_ERROR(PrepareMountPoint(path, &mounted));
    if (mounted) return absl::OkStatus();
    return MountHugetlbfs(path, absl::StrCat(options, ",pagesize=", size));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown storage medium \"", medium, "\""));
}

absl::Status MakeMemoryDirectory(const std::string& path,
                                 const Ownership& ownership) {
  bool mounted = false;
  RETURN_IF_ERROR(PrepareMountPoint(path, &mounted));
  if (mounted) return absl::OkStatus();
  return MountTmpfs(path, RootOptions(ownership, 0755));
}

}  // namespace agent::volume
