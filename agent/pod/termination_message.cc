// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/termination_message.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "agent/pod/container_files.h"
#include "agent/pod/labels.h"
#include "runtime/base/file.h"

namespace agent::pod {
namespace {

constexpr int kMaxLines = 80;
constexpr size_t kMaxLogBytes = 2048;
constexpr size_t kLogWindow = 64 << 10;

// At most the first (or last) `limit` bytes of a regular file. A container
// could have put a symlink or a FIFO in place of its file.
std::string ReadPart(const std::string& path, size_t limit, bool tail) {
  runtime::UniqueFd fd(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info;
  if (!fd.ok() || fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return "";
  }
  off_t from = 0;
  if (tail && info.st_size > static_cast<off_t>(limit)) {
    from = info.st_size - static_cast<off_t>(limit);
  }
  std::string out(limit, '\0');
  ssize_t n = pread(fd.get(), out.data(), limit, from);
  out.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return out;
}

std::string Annotation(const ::runtime::v1::ContainerStatus& cri,
                       const char* key) {
  auto it = cri.annotations().find(key);
  return it == cri.annotations().end() ? "" : it->second;
}

}  // namespace

std::string TailOfLog(const std::string& log, int max_lines, size_t max_bytes) {
  std::vector<absl::string_view> lines = absl::StrSplit(log, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::string out;
  size_t begin = lines.size() > static_cast<size_t>(max_lines)
                     ? lines.size() - static_cast<size_t>(max_lines)
                     : 0;
  for (size_t i = begin; i < lines.size(); ++i) {
    // "<time> <stream> <tags> <text>"
    std::vector<absl::string_view> parts =
        absl::StrSplit(lines[i], absl::MaxSplits(' ', 3));
    if (parts.size() < 4) continue;
    out.append(parts[3].data(), parts[3].size());
    if (!parts[2].empty() && parts[2][0] != 'P') out.push_back('\n');
  }
  if (out.size() > max_bytes) out.erase(0, out.size() - max_bytes);
  return out;
}

std::string TerminationLog(const ::runtime::v1::ContainerStatus& cri) {
  const std::string path = Annotation(cri, kTerminationPath);
  std::string file;
  for (const auto& mount : cri.mounts()) {
    if (!path.empty() && mount.container_path() == path) {
      file = mount.host_path();
    }
  }
  return file;
}

std::string ReadTerminationMessage(const ::runtime::v1::ContainerStatus& cri) {
  const std::string file = TerminationLog(cri);
  std::string message =
      file.empty() ? "" : ReadPart(file, kMaxTerminationMessage, false);
  if (message.empty() && cri.exit_code() != 0 && !cri.log_path().empty() &&
      Annotation(cri, kTerminationPolicy) == "FallbackToLogsOnError") {
    message = TailOfLog(ReadPart(cri.log_path(), kLogWindow, true), kMaxLines,
                        kMaxLogBytes);
  }
  return message;
}

}  // namespace agent::pod
