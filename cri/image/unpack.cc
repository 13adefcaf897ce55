// SPDX-License-Identifier: Apache-2.0
#include "cri/image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cri/image/digest.h"
#include "cri/image/tree.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

using runtime::UniqueFd;

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kEarlyWriteback = 256 << 10;
constexpr absl::string_view kWhiteout = ".wh.";
constexpr absl::string_view kOpaqueName = ".wh..wh..opq";

struct FreeReader {
  void operator()(archive* a) const { archive_read_free(a); }
};

class Unpacker {
 public:
  Unpacker(ByteSource source, UniqueFd root, const std::string& expected,
           const UnpackLimits& limits)
      : inflater_(std::move(source), limits.bomb_bytes),
        tree_(std::move(root)),
        hasher_(expected),
        limits_(limits) {}

  absl::StatusOr<UnpackResult> Run();

 private:
  static la_ssize_t OnRead(archive* a, void* self, const void** out);
  absl::Status NextHeader(bool* end);
  absl::Status Entry();
  absl::Status Whiteout(const std::string& path, const std::string& base);
  absl::Status File(const std::string& path);
  absl::StatusOr<Attributes> ReadAttributes();
  absl::Status ArchiveError(absl::string_view what);

  Inflater inflater_;
  Tree tree_;
  Hasher hasher_;
  const UnpackLimits limits_;
  std::unique_ptr<archive, FreeReader> archive_;
  archive_entry* entry_ = nullptr;
  absl::Status read_status_;  // why the read callback failed
  bool in_header_ = false;
  uint64_t header_bytes_ = 0;
  uint64_t bytes_ = 0;
};

la_ssize_t Unpacker::OnRead(archive* a, void* self_pointer, const void** out) {
  auto* self = static_cast<Unpacker*>(self_pointer);
  auto piece = self->inflater_.Read();
  if (!piece.ok()) {
    self->read_status_ = piece.status();
    archive_set_error(a, EIO, "read failed");
    return ARCHIVE_FATAL;
  }
  self->hasher_.Update(*piece);
  if (self->in_header_) {
    // CVE-2025-58183: a sparse map or an extended header may be as long as its
    // author likes, and libarchive keeps it in memory.
    self->header_bytes_ += piece->size();
    if (self->header_bytes_ > self->limits_.max_header_bytes + (512 << 10)) {
      self->read_status_ = absl::ResourceExhaustedError(
          absl::StrCat("a tar header is larger than ",
                       self->limits_.max_header_bytes, " bytes"));
      archive_set_error(a, EFBIG, "header too large");
      return ARCHIVE_FATAL;
    }
  }
  *out = piece->data();
  return static_cast<la_ssize_t>(piece->size());
}

absl::Status Unpacker::ArchiveError(absl::string_view what) {
  if (!read_status_.ok()) return read_status_;
  const char* text = archive_error_string(archive_.get());
  return absl::DataLossError(
      absl::StrCat(what, ": ", text == nullptr ? "malformed tar" : text));
}

absl::Status Unpacker::NextHeader(bool* end) {
  // The rest of the last file is data, not header.
  if (entry_ != nullptr &&
      archive_read_data_skip(archive_.get()) < ARCHIVE_WARN) {
    return ArchiveError("tar");
  }
  in_header_ = true;
  header_bytes_ = 0;
  int result = archive_read_next_header(archive_.get(), &entry_);
  in_header_ = false;
  *end = result == ARCHIVE_EOF;
  if (result < ARCHIVE_WARN) return ArchiveError("tar");
  return absl::OkStatus();
}

absl::StatusOr<Attributes> Unpacker::ReadAttributes() {
  Attributes attributes;
  const int64_t uid = archive_entry_uid(entry_);
  const int64_t gid = archive_entry_gid(entry_);
  // 2^32 - 1 means "unchanged" to chown(2).
  if (uid < 0 || gid < 0 || uid >= 0xffffffff || gid >= 0xffffffff) {
    return absl::InvalidArgumentError(
        absl::StrCat("owner ", uid, ":", gid, " is out of range"));
  }
  attributes.uid = static_cast<uid_t>(uid);
  attributes.gid = static_cast<gid_t>(gid);
  attributes.mode = archive_entry_perm(entry_) & 07777;
  attributes.mtime.tv_sec = archive_entry_mtime(entry_);
  attributes.mtime.tv_nsec = archive_entry_mtime_nsec(entry_);
  archive_entry_xattr_reset(entry_);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  while (archive_entry_xattr_next(entry_, &name, &value, &size) == ARCHIVE_OK) {
    // trusted.* and user.overlay.* are control input to overlayfs: an image
    // must not set them. Labels and ACLs of another machine mean nothing here.
    absl::string_view key = name;
    const bool user = absl::StartsWith(key, "user.") &&
                      !absl::StartsWith(key, "user.overlay.");
    if (!user && key != "security.capability") continue;
    if (size > 65536) {
      return absl::InvalidArgumentError(
          absl::StrCat("extended attribute ", key, " is larger than 64 KiB"));
    }
    attributes.xattrs.emplace_back(
        name, std::string(static_cast<const char*>(value), size));
  }
  return attributes;
}

absl::Status Unpacker::Whiteout(const std::string& path,
                                const std::string& base) {
  std::string parent = path.substr(0, path.size() - base.size());
  if (!parent.empty()) parent.pop_back();
  if (base == kOpaqueName) return tree_.MakeOpaque(parent);
  // ".wh..wh.plnk" and such are aufs's own notes.
  if (absl::StartsWith(base, ".wh..wh.")) return absl::OkStatus();
  std::string hidden = base.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..") {
    return absl::InvalidArgumentError("a whiteout without a name");
  }
  return tree_.MakeWhiteout(parent.empty() ? hidden
                                           : absl::StrCat(parent, "/", hidden));
}

absl::Status Unpacker::File(const std::string& path) {
  ASSIGN_OR_RETURN(Attributes attributes, ReadAttributes());
  ASSIGN_OR_RETURN(UniqueFd fd, tree_.CreateFile(path));
  const int64_t size = archive_entry_size(entry_);
  const void* data = nullptr;
  size_t length = 0;
  la_int64_t offset = 0, position = 0;
  uint64_t written = 0;
  while (true) {
    int result =
        archive_read_data_block(archive_.get(), &data, &length, &offset);
    if (result == ARCHIVE_EOF) break;
    if (result < ARCHIVE_WARN) return ArchiveError("content");
    if (offset != position && lseek(fd.get(), offset, SEEK_SET) < 0) {
      return runtime::ErrnoStatus("seek");
    }
    RETURN_IF_ERROR(runtime::WriteAll(
        fd.get(), absl::string_view(static_cast<const char*>(data), length),
        path));
    position = offset + static_cast<la_int64_t>(length);
    written += length;
  }
  // A hole at the end.
  if (size > position && ftruncate(fd.get(), size) != 0) {
    return runtime::ErrnoStatus("truncate");
  }
  // The image is synced as a whole in the end: begin early, so that the disk
  // works while we download. Only a hint, so its result does not matter.
  if (written >= kEarlyWriteback) {
    (void)sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  bytes_ += (written + kBlock - 1) / kBlock * kBlock;
  return tree_.FinishFile(fd.get(), path, attributes);
}

absl::Status Unpacker::Entry() {
  const char* name = archive_entry_pathname(entry_);
  if (name == nullptr) name = archive_entry_pathname_utf8(entry_);
  if (name == nullptr) return absl::InvalidArgumentError("unreadable name");
  ASSIGN_OR_RETURN(std::string path, CleanPath(name));
  std::string base = path.substr(path.rfind('/') + 1);
  if (absl::StartsWith(base, kWhiteout)) return Whiteout(path, base);
  const char* link = archive_entry_hardlink(entry_);
  if (link == nullptr) link = archive_entry_hardlink_utf8(entry_);
  const mode_t type = archive_entry_filetype(entry_);
  if (path.empty() && (link != nullptr || type != AE_IFDIR)) {
    return absl::InvalidArgumentError("the root must be a directory");
  }
  if (link != nullptr) {
    ASSIGN_OR_RETURN(std::string target, CleanPath(link));
    return tree_.MakeHardLink(path, target);
  }
  if (type == AE_IFREG) return File(path);
  ASSIGN_OR_RETURN(Attributes attributes, ReadAttributes());
  switch (type) {
    case AE_IFDIR:
      bytes_ += kBlock;
      return tree_.MakeDirectory(path, attributes);
    case AE_IFLNK: {
      const char* target = archive_entry_symlink(entry_);
      if (target == nullptr) target = archive_entry_symlink_utf8(entry_);
      if (target == nullptr || *target == '\0') {
        return absl::InvalidArgumentError("symbolic link without a target");
      }
      return tree_.MakeSymlink(path, target, attributes);
    }
    case AE_IFCHR:
    case AE_IFBLK:
      return tree_.MakeNode(path, type,
                            makedev(archive_entry_rdevmajor(entry_),
                                    archive_entry_rdevminor(entry_)),
                            attributes);
    case AE_IFIFO:
      return tree_.MakeNode(path, S_IFIFO, 0, attributes);
    default:
      return absl::InvalidArgumentError("unknown type of entry");
  }
}

absl::StatusOr<UnpackResult> Unpacker::Run() {
  archive_.reset(archive_read_new());
  archive_read_support_filter_none(archive_.get());
  archive_read_support_format_tar(archive_.get());
  archive_read_support_format_empty(archive_.get());
  if (archive_read_open(archive_.get(), this, nullptr, &Unpacker::OnRead,
                        nullptr) != ARCHIVE_OK) {
    return ArchiveError("not a tar archive");
  }
  for (uint64_t entries = 0;; ++entries) {
    bool end = false;
    RETURN_IF_ERROR(NextHeader(&end));
    if (end) break;
    if (entries >= limits_.max_entries) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than ", limits_.max_entries, " entries"));
    }
    if (absl::Status status = Entry(); !status.ok()) {
      const char* name = archive_entry_pathname(entry_);
      return runtime::Annotate(
          status, absl::StrCat("entry \"", name == nullptr ? "?" : name, "\""));
    }
  }
  // The digests cover what follows the end mark, too.
  while (true) {
    ASSIGN_OR_RETURN(absl::string_view rest, inflater_.Read());
    if (rest.empty()) break;
    hasher_.Update(rest);
  }
  RETURN_IF_ERROR(tree_.Finish());
  return UnpackResult{hasher_.Finish(), bytes_ + kBlock, tree_.inodes() + 1,
                      tree_.implied()};
}

}  // namespace

absl::StatusOr<UnpackResult> UnpackLayer(ByteSource source, UniqueFd root,
                                         const std::string& expected,
                                         const UnpackLimits& limits) {
  return Unpacker(std::move(source), std::move(root), expected, limits).Run();
}

}  // namespace cri::image
