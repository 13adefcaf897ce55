// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/container_files.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/base/status.h"

namespace agent::pod {
namespace {

// No container can have this name.
constexpr char kHostsName[] = ".etc-hosts";

// `path` leads to `target` from now on, whatever it was before.
absl::Status Link(absl::string_view target, const std::string& path) {
  char found[PATH_MAX];
  const ssize_t size = readlink(path.c_str(), found, sizeof(found));
  if (size >= 0 &&
      target == absl::string_view(found, static_cast<size_t>(size))) {
    return absl::OkStatus();
  }
  const std::string temporary = path + ".tmp~";
  unlink(temporary.c_str());
  if (symlink(std::string(target).c_str(), temporary.c_str()) != 0) {
    return runtime::ErrnoStatus("symlink " + temporary);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return runtime::ErrnoStatus("rename " + temporary);
  }
  return absl::OkStatus();
}

// Exactly this mode, whatever the umask is.
absl::Status SetMode(int fd, mode_t mode, const std::string& path) {
  return fchmod(fd, mode) == 0 ? absl::OkStatus()
                               : runtime::ErrnoStatus("chmod " + path);
}

std::vector<std::string> NamesIn(const std::string& dir) {
  return runtime::ListDir(dir).value_or(std::vector<std::string>());
}

void Cut(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
      info.st_size <= static_cast<off_t>(kMaxTerminationMessage)) {
    return;
  }
  if (truncate(path.c_str(), kMaxTerminationMessage) != 0) {
    runtime::log::Warning(runtime::ErrnoStatus("truncate " + path).message());
  }
}

}  // namespace

std::string WordsOf(absl::string_view path) {
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  if (parts.size() < 2) return "";
  return absl::StrCat(parts[parts.size() - 2], "/", parts.back());
}

void CutEndedWords(const std::string& memory,
                   const std::set<std::string>& held) {
  for (const std::string& container : NamesIn(memory)) {
    if (container == kHostsName) continue;
    const std::string dir = absl::StrCat(memory, "/", container);
    for (const std::string& name : NamesIn(dir)) {
      const std::string path = absl::StrCat(dir, "/", name);
      if (held.count(WordsOf(path)) == 0) Cut(path);
    }
  }
}

absl::StatusOr<std::string> WriteHostsFile(const std::string& pod_dir,
                                           const std::string& memory,
                                           const std::string& content) {
  const std::string path = absl::StrCat(memory, "/", kHostsName);
  ASSIGN_OR_RETURN(
      const runtime::UniqueFd fd,
      runtime::OpenFile(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  // Not emptied first: its memory would be anybody's who fills the tmpfs.
  RETURN_IF_ERROR(runtime::WriteAll(fd.get(), content, path));
  if (ftruncate(fd.get(), static_cast<off_t>(content.size())) != 0) {
    return runtime::ErrnoStatus("truncate " + path);
  }
  RETURN_IF_ERROR(SetMode(fd.get(), 0644, path));
  const std::string link = pod_dir + "/etc-hosts";
  const absl::string_view target = absl::StripPrefix(path, pod_dir + "/");
  RETURN_IF_ERROR(Link(target, link));
  return link;
}

absl::StatusOr<std::string> MakeTerminationLog(const std::string& memory,
                                               const std::string& container) {
  const std::string dir = absl::StrCat(memory, "/", container);
  RETURN_IF_ERROR(runtime::MakeDirs(dir, 0755));
  std::random_device random;
  const std::string path =
      absl::StrCat(dir, "/", absl::StrFormat("%08x", random()));
  ASSIGN_OR_RETURN(const runtime::UniqueFd fd,
                   runtime::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0666));
  RETURN_IF_ERROR(SetMode(fd.get(), 0666, path));
  return path;
}

}  // namespace agent::pod
