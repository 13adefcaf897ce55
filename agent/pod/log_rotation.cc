// SPDX-License-Identifier: Apache-2.0
#include "agent/pod/log_rotation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace agent::pod {
namespace {

constexpr char kTemporary[] = ".tmp";
constexpr char kCompressed[] = ".gz";

absl::Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return runtime::ErrnoStatus(absl::StrCat("rename ", from, " to ", to));
}

// Rotated logs of `path`, oldest first. What an interrupted compression left is
// removed.
absl::StatusOr<std::vector<std::string>> Rotated(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string dir = path.substr(0, slash);
  const std::string prefix = path.substr(slash + 1) + ".";
  ASSIGN_OR_RETURN(const std::vector<std::string> names, runtime::ListDir(dir));
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, prefix)) continue;
    const std::string file = absl::StrCat(dir, "/", name);
    if (absl::EndsWith(name, kTemporary)) {
      RETURN_IF_ERROR(runtime::RemoveFile(file));
    } else {
      out.push_back(file);
    }
  }
  std::sort(out.begin(), out.end());  // the names end in their times
  return out;
}

struct GzClose {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

absl::Status CompressTo(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(runtime::UniqueFd in,
                   runtime::OpenFile(from, O_RDONLY | O_NOFOLLOW, 0));
  ASSIGN_OR_RETURN(
      runtime::UniqueFd fd,
      runtime::OpenFile(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640));
  std::unique_ptr<gzFile_s, GzClose> out(gzdopen(fd.get(), "wb"));
  if (out == nullptr) return absl::ResourceExhaustedError("compress " + from);
  (void)fd.release();  // gzclose closes it
  std::array<char, 64 << 10> buffer;
  while (true) {
    const ssize_t n = read(in.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return runtime::ErrnoStatus("read " + from);
    if (n == 0) break;
    if (gzwrite(out.get(), buffer.data(), static_cast<unsigned>(n)) != n) {
      return runtime::ErrnoStatus("write " + to);
    }
  }
  if (gzclose(out.release()) != Z_OK) {
    return runtime::ErrnoStatus("write " + to);
  }
  return absl::OkStatus();
}

absl::Status Compress(const std::string& path) {
  const std::string temporary = absl::StrCat(path, kTemporary);
  absl::Status status = CompressTo(path, temporary);
  if (status.ok()) status = Rename(temporary, absl::StrCat(path, kCompressed));
  if (!status.ok()) {
    status.Update(runtime::RemoveFile(temporary));
    return status;
  }
  return runtime::RemoveFile(path);
}

}  // namespace

absl::Status RotateLog(const std::string& path, const LogLimits& limits,
                       absl::Time now,
                       const std::function<absl::Status()>& reopen) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return runtime::ErrnoStatus("stat " + path);
    // Renamed by an agent that was killed before the runtime made another, or
    // removed by somebody: the container still writes to the old file.
    return runtime::Annotate(reopen(), absl::StrCat("reopen ", path));
  }
  if (limits.max_size <= 0 || info.st_size <= limits.max_size) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::vector<std::string> rotated, Rotated(path));
  // Room for the current one and the one that is made now.
  const size_t keep = static_cast<size_t>(std::max(limits.max_files - 2, 0));
  while (rotated.size() > keep) {
    RETURN_IF_ERROR(runtime::RemoveFile(rotated.front()));
    rotated.erase(rotated.begin());
  }
  for (const std::string& file : rotated) {
    if (absl::EndsWith(file, kCompressed)) continue;
    const absl::Status compressed = Compress(file);
    // The runtime removes what it rotated itself.
    if (!absl::IsNotFound(compressed)) RETURN_IF_ERROR(compressed);
  }
  const std::string name = absl::StrCat(
      path, ".", absl::FormatTime("%Y%m%d-%H%M%S", now, absl::UTCTimeZone()));
  if (runtime::Exists(name)) return absl::OkStatus();  // twice in one second
  RETURN_IF_ERROR(Rename(path, name));
  absl::Status status = reopen();
  if (status.ok()) return status;
  status = runtime::Annotate(status, absl::StrCat("reopen ", path));
  // Unless the runtime made the new one all the same.
  if (!runtime::Exists(path)) status.Update(Rename(name, path));
  return status;
}

}  // namespace agent::pod
