// SPDX-License-Identifier: Apache-2.0
#include "cri/checkpoint/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/mman.h>
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

// What is passed for the bytes of a hole at a time; libarchive takes less than
// 2 GiB.
constexpr off_t kHole = 1 << 30;
// With more, the rest of the file counts as data: libarchive keeps about 150
// bytes in memory for each, and the file is a container's.
constexpr size_t kMostExtents = 100000;

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

using Extent = ArchiveWriter::Extent;

// Where the first `size` bytes of a file have data, in order: everywhere, if
// its filesystem does not tell.
std::vector<Extent> DataOf(int fd, off_t size) {
  std::vector<Extent> found;
  off_t end = 0;
  while (end < size) {
    const off_t begin = lseek(fd, end, SEEK_DATA);
    if (begin >= size || (begin < 0 && errno == ENXIO)) break;  // a last hole
    const off_t next = begin < 0 ? -1 : lseek(fd, begin, SEEK_HOLE);
    if (next <= begin || found.size() == kMostExtents) {
      found.push_back({end, size});
      break;
    }
    end = std::min(next, size);
    found.push_back({begin, end});
  }
  return found;
}

bool IsSparse(const std::vector<Extent>& data, off_t size) {
  for (const Extent& extent : data) size -= extent.end - extent.begin;
  return size > 0;
}

}  // namespace

void ArchiveWriter::Free::operator()(struct archive* archive) const {
  archive_write_free(archive);
}

void ArchiveWriter::Unmap::operator()(char* memory) const {
  munmap(memory, kHole);
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
  return AddHeader(entry, {{0, entry.status.st_size}});
}

absl::Status ArchiveWriter::AddHeader(const Entry& entry,
                                      const std::vector<Extent>& data) {
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
  if (const off_t size = entry.status.st_size; IsSparse(data, size)) {
    for (const Extent& extent : data) {
      archive_entry_sparse_add_entry(header.get(), extent.begin,
                                     extent.end - extent.begin);
    }
    // One hole from end to end is something, too.
    if (data.empty()) archive_entry_sparse_add_entry(header.get(), size, 0);
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

// libarchive wants the whole file, holes too, and drops what lies in one: so
// the bytes of a hole are memory that nobody has to fill.
absl::Status ArchiveWriter::Skip(const std::string& name, off_t size) {
  if (size > 0 && hole_ == nullptr) {
    void* memory = mmap(nullptr, kHole, PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return runtime::ErrnoStatus("mmap");
    hole_.reset(static_cast<char*>(memory));
  }
  while (size > 0) {
    RETURN_IF_ERROR(check_());
    const off_t piece = std::min(size, kHole);
    RETURN_IF_ERROR(Write(name, {hole_.get(), static_cast<size_t>(piece)}));
    size -= piece;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ArchiveWriter::Copy(const std::string& name, int fd,
                                         Extent extent) {
  const std::unique_ptr<char[]> buffer(new char[kPiece]);
  while (extent.begin < extent.end) {
    RETURN_IF_ERROR(check_());
    const auto left = static_cast<size_t>(extent.end - extent.begin);
    const ssize_t size =
        pread(fd, buffer.get(), std::min(left, kPiece), extent.begin);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return runtime::ErrnoStatus(absl::StrCat("read ", name));
    if (size == 0) return false;
    RETURN_IF_ERROR(Write(name, {buffer.get(), static_cast<size_t>(size)}));
    extent.begin += size;
  }
  return true;
}

absl::Status ArchiveWriter::AddFile(const Entry& entry, int fd) {
  const std::vector<Extent> data = DataOf(fd, entry.status.st_size);
  RETURN_IF_ERROR(AddHeader(entry, data));
  // With its first data, be it none, libarchive writes where the holes are.
  RETURN_IF_ERROR(Result(
      static_cast<int>(archive_write_data(archive_.get(), "", 0)), entry.name));
  off_t at = 0;
  for (const Extent& extent : data) {
    RETURN_IF_ERROR(Skip(entry.name, extent.begin - at));
    ASSIGN_OR_RETURN(const bool whole, Copy(entry.name, fd, extent));
    if (!whole) break;
    at = extent.end;
  }
  // Zeros for the data that is missing; a hole at the end needs nothing.
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
