// SPDX-License-Identifier: Apache-2.0
#include "cri/stats/devices.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"

namespace cri::stats {
namespace {

// This process has descriptors, so 0 says that the kernel does not tell.
bool KernelCounts() {
  static const bool kCounts = [] {
    struct stat info {};
    return stat("/proc/self/fd", &info) == 0 && info.st_size > 0;
  }();
  return kCounts;
}

}  // namespace

std::string DeviceName(unsigned device_major, unsigned device_minor) {
  std::string number = absl::StrCat(device_major, ":", device_minor);
  char target[PATH_MAX];
  std::string link = absl::StrCat("/sys/dev/block/", number);
  ssize_t size = readlink(link.c_str(), target, sizeof target);
  if (size <= 0) return number;
  absl::string_view path(target, static_cast<size_t>(size));
  return absl::StrCat("/dev/", path.substr(path.rfind('/') + 1));
}

uint64_t CountDescriptors(const std::vector<pid_t>& processes) {
  uint64_t count = 0;
  for (pid_t pid : processes) {
    std::string path = absl::StrCat("/proc/", pid, "/fd");
    if (KernelCounts()) {
      struct stat info {};
      if (stat(path.c_str(), &info) == 0) {
        count += static_cast<uint64_t>(info.st_size);
      }
    } else if (auto names = runtime::ListDir(path); names.ok()) {
      count += names->size();
    }
  }
  return count;
}

}  // namespace cri::stats
