// SPDX-License-Identifier: Apache-2.0
// Limits of huge pages: "hugetlb.2MB.max" (v2) or "hugetlb.2MB.limit_in_bytes",
// each with a file for reservations beside it (Linux 5.7).
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/limits.h"

namespace runtime::cgroup {
namespace {

// The sizes that a cgroup has files for.
std::vector<std::string> SizesIn(const std::string& directory,
                                 absl::string_view suffix) {
  std::vector<std::string> sizes;
  absl::StatusOr<std::vector<std::string>> names = ListDir(directory);
  if (!names.ok()) return sizes;
  for (absl::string_view name : *names) {
    if (absl::ConsumePrefix(&name, "hugetlb.") &&
        absl::ConsumeSuffix(&name, suffix) && absl::ConsumeSuffix(&name, ".") &&
        !absl::StrContains(name, ".")) {
      sizes.emplace_back(name);
    }
  }
  return sizes;
}

// The same by the host's own list, "hugepages-2048kB".
std::vector<std::string> SizesOf(const std::string& host_pages) {
  std::vector<std::string> sizes;
  absl::StatusOr<std::vector<std::string>> names = ListDir(host_pages);
  if (!names.ok()) return sizes;
  for (absl::string_view name : *names) {
    uint64_t size = 0;
    if (!absl::ConsumePrefix(&name, "hugepages-") ||
        !absl::ConsumeSuffix(&name, "kB") || !absl::SimpleAtoi(name, &size)) {
      continue;
    }
    const char* unit = "KB";
    for (const char* larger : {"MB", "GB"}) {
      if (size < 1024) break;
      size /= 1024;
      unit = larger;
    }
    sizes.push_back(absl::StrCat(size, unit));
  }
  return sizes;
}

absl::Status CheckSize(const std::string& size,
                       const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), size) != known.end()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "linux.resources.hugepageLimits: this host has no pages of ", size,
      known.empty() ? "" : ", but of ", absl::StrJoin(known, " and ")));
}

}  // namespace

absl::Status LimitHugepages(const std::string& directory,
                            absl::string_view suffix, const spec::Resources& r,
                            Writes& writes, const std::string& host_pages) {
  if (r.hugepage_limits.empty()) return absl::OkStatus();
  const std::vector<std::string> own = SizesIn(directory, suffix);
  const std::vector<std::string> known =
      own.empty() ? SizesOf(host_pages) : own;
  for (const spec::HugepageLimit& limit : r.hugepage_limits) {
    RETURN_IF_ERROR(CheckSize(limit.page_size, known));
  }
  if (own.empty()) return absl::OkStatus();
  for (const spec::HugepageLimit& limit : r.hugepage_limits) {
    const std::string start =
        absl::StrCat(directory, "/hugetlb.", limit.page_size);
    const std::string value = absl::StrCat(limit.limit);
    RETURN_IF_ERROR(writes.Write(absl::StrCat(start, ".", suffix), value));
    const std::string reserved = absl::StrCat(start, ".rsvd.", suffix);
    if (Exists(reserved)) RETURN_IF_ERROR(writes.Write(reserved, value));
  }
  return absl::OkStatus();
}

}  // namespace runtime::cgroup
