// SPDX-License-Identifier: Apache-2.0
#include "cri/checkpoint/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::checkpoint {
namespace {

constexpr size_t kPiece = 256 << 10;

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

}  // namespace

void ArchiveWriter::Free::operator()(struct archive* archive) const {
  archive_write_free(archive);
}

absl::StatusOr<ArchiveWriter> ArchiveWriter::Open(
    int fd, std::function<absl::Status()> check) {
  ArchiveWriter writer(archive_write_new(), std::move(check));
  struct archive* archive = writer.archive_.get();
  if (archive == nullptr) return absl::ResourceExhaustedError("out of memory");
  RETURN_IF_ERROR(
      writer.Result(archive_write_set_format_pax_restricted(archive), "tar"));
  RETURN_IF_ERROR(writer.Result(archive_write_add_filter_none(archive), "tar"));
  RETURN_IF_ERROR(writer.Result(archive_write_open_fd(archive, fd), "tar"));
  return writer;
}

// A warning is about a name that is not UTF-8, which is stored as it is.
absl::Status ArchiveWriter::Result(int code, absl::string_view name) const {
  if (code == ARCHIVE_OK || code == ARCHIVE_WARN) return absl::OkStatus();
  const char* text = archive_error_string(archive_.get());
  return absl::UnknownError(absl::StrCat(
      "write ", name, " to the archive: ", text == nullptr ? "failed" : text));
}

absl::Status ArchiveWriter::Add(const Entry& entry) {
  RETURN_IF_ERROR(check_());
  std::unique_ptr<archive_entry, FreeEntry> header(archive_entry_new());
  archive_entry_set_pathname(header.get(), entry.name.c_str());
  archive_entry_copy_stat(header.get(), &entry.status);
  if (!entry.same_as.empty()) {
    archive_entry_set_hardlink(header.get(), entry.same_as.c_str());
    archive_entry_set_size(header.get(), 0);
  } else if (S_ISLNK(entry.status.st_mode)) {
    archive_entry_set_symlink(header.get(), entry.target.c_str());
  }
  for (const auto& [name, value] : entry.xattrs) {
    archive_entry_xattr_add_entry(header.get(), name.c_str(), value.data(),
                                  value.size());
  }
  return Result(archive_write_header(archive_.get(), header.get()), entry.name);
}

absl::Status ArchiveWriter::Write(const std::string& name,
                                  absl::string_view data) {
  while (!data.empty()) {
    const la_ssize_t size =
        archive_write_data(archive_.get(), data.data(), data.size());
    if (size < 0) return Result(static_cast<int>(size), name);
    if (size == 0) return absl::InternalError(name + ": longer than announced");
    data.remove_prefix(static_cast<size_t>(size));
  }
  return absl::OkStatus();
}

absl::Status ArchiveWriter::AddFile(const Entry& entry, int fd) {
  RETURN_IF_ERROR(Add(entry));
  const std::unique_ptr<char[]> buffer(new char[kPiece]);
  auto left = static_cast<size_t>(entry.status.st_size);
  while (left > 0) {
    RETURN_IF_ERROR(check_());
    const ssize_t size = read(fd, buffer.get(), std::min(left, kPiece));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      return runtime::ErrnoStatus(absl::StrCat("read ", entry.name));
    }
    if (size == 0) break;
    const auto got = static_cast<size_t>(size);
    RETURN_IF_ERROR(Write(entry.name, {buffer.get(), got}));
    left -= got;
  }
  return Result(archive_write_finish_entry(archive_.get()), entry.name);
}

absl::Status ArchiveWriter::AddText(const std::string& name,
                                    absl::string_view text) {
  Entry entry;
  entry.name = name;
  entry.status.st_mode = S_IFREG | 0600;
  entry.status.st_size = static_cast<off_t>(text.size());
  entry.status.st_mtime = time(nullptr);
  RETURN_IF_ERROR(Add(entry));
  RETURN_IF_ERROR(Write(name, text));
  return Result(archive_write_finish_entry(archive_.get()), name);
}

absl::Status ArchiveWriter::AddPath(const std::string& name,
                                    const std::string& path) {
  ASSIGN_OR_RETURN(const runtime::UniqueFd file,
                   runtime::OpenFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  Entry entry;
  entry.name = name;
  if (fstat(file.get(), &entry.status) != 0) {
    return runtime::ErrnoStatus("stat " + path);
  }
  if (!S_ISREG(entry.status.st_mode)) {
    return absl::FailedPreconditionError(path + ": not a regular file");
  }
  entry.status.st_mode = S_IFREG | 0600;
  entry.status.st_uid = entry.status.st_gid = 0;
  return AddFile(entry, file.get());
}

absl::Status ArchiveWriter::Close() {
  return Result(archive_write_close(archive_.get()), "its end");
}

}  // namespace cri::checkpoint
