// SPDX-License-Identifier: Apache-2.0
#include "cri/image/fixup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cri/image/digest.h"
#include "cri/image/lookup.h"
#include "cri/image/tree.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"

namespace cri::image {
namespace {

using runtime::ErrnoStatus;
using runtime::UniqueFd;

constexpr uint64_t kBlock = 4096;

Attributes AttributesOf(const struct stat& st) {
  Attributes attributes;
  attributes.uid = st.st_uid;
  attributes.gid = st.st_gid;
  attributes.mode = st.st_mode & 07777;
  attributes.mtime = st.st_mtim;
  return attributes;
}

// What Tree gives to a directory that it has to make up.
bool IsMadeUp(const struct stat& st) {
  return (st.st_mode & 07777) == 0755 && st.st_uid == 0 && st.st_gid == 0;
}

bool IsBelow(const std::string& path, const std::string& directory) {
  return absl::StartsWith(path, absl::StrCat(directory, "/"));
}

class Fixup {
 public:
  Fixup(const std::vector<StackLayer>& stack, UniqueFd root)
      : top_(stack.back()),
        implied_(top_.implied.begin(), top_.implied.end()),
        tree_(std::move(root)) {
    for (const StackLayer& layer : stack) all_.push_back(layer.dir);
    below_ = all_;
    below_.pop_back();
  }

  // Without `write` only finds out.
  absl::Status Run(bool write);
  bool needed() const { return needed_; }
  const Tree& tree() const { return tree_; }
  uint64_t bytes() const { return bytes_; }

 private:
  absl::Status MakeDirectories(const std::string& path);
  absl::Status RestoreLink(const std::string& path, const LayeredStat& link);
  absl::Status MoveBelow(UniqueFd from, const std::string& from_path,
                         const std::string& to);
  absl::Status MoveDirectory(UniqueFd from, const std::string& from_path,
                             const std::string& to);

  const StackLayer& top_;
  const std::set<std::string> implied_;
  Tree tree_;
  std::vector<std::string> all_, below_;
  std::set<std::string> made_;
  bool needed_ = false;
  uint64_t bytes_ = 0;
};

absl::Status Fixup::Run(bool write) {
  std::string moved;
  for (const std::string& path : top_.implied) {
    if (!moved.empty() && IsBelow(path, moved)) continue;
    ASSIGN_OR_RETURN(auto found, StatLayered(below_, path));
    if (!found.has_value()) continue;
    const bool link = S_ISLNK(found->st.st_mode);
    if (!link && (!S_ISDIR(found->st.st_mode) || IsMadeUp(found->st))) continue;
    needed_ = true;
    if (!write) return absl::OkStatus();
    if (link) {
      moved = path;
      RETURN_IF_ERROR(RestoreLink(path, *found));
    } else {
      RETURN_IF_ERROR(MakeDirectories(path));
    }
  }
  return tree_.Finish();
}

// The directory and those above it, as the stack should show them.
absl::Status Fixup::MakeDirectories(const std::string& path) {
  for (size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string part = path.substr(0, slash);
    if (part.empty() || !made_.insert(part).second) continue;
    const bool made_up = implied_.count(part) > 0;
    ASSIGN_OR_RETURN(auto found, StatLayered(made_up ? below_ : all_, part));
    Attributes attributes;
    attributes.mode = 0755;
    if (found.has_value()) attributes = AttributesOf(found->st);
    RETURN_IF_ERROR(tree_.MakeDirectory(part, attributes));
    bytes_ += kBlock;
  }
  return absl::OkStatus();
}

absl::Status Fixup::RestoreLink(const std::string& path,
                                const LayeredStat& link) {
  ASSIGN_OR_RETURN(auto target, ResolveLayeredDirectory(below_, path));
  // A dangling link: the layer's own directory is all there is.
  if (!target.has_value()) return absl::OkStatus();
  size_t slash = path.rfind('/');
  if (slash != std::string::npos) {
    RETURN_IF_ERROR(MakeDirectories(path.substr(0, slash)));
  }
  RETURN_IF_ERROR(tree_.MakeSymlink(path, link.target, AttributesOf(link.st)));
  ASSIGN_OR_RETURN(UniqueFd root,
                   runtime::OpenFile(top_.dir, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(UniqueFd from,
                   OpenInRoot(root.get(), path, O_RDONLY | O_DIRECTORY));
  if (!target->empty()) RETURN_IF_ERROR(MakeDirectories(*target));
  return MoveBelow(std::move(from), path, *target);
}

absl::Status Fixup::MoveBelow(UniqueFd from, const std::string& from_path,
                              const std::string& to) {
  ASSIGN_OR_RETURN(
      auto names, runtime::ListDir(absl::StrCat("/proc/self/fd/", from.get())));
  for (const std::string& name : names) {
    const std::string path = to.empty() ? name : absl::StrCat(to, "/", name);
    struct stat st;
    if (fstatat(from.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(absl::StrCat("stat ", name));
    }
    if (!S_ISDIR(st.st_mode)) {
      RETURN_IF_ERROR(tree_.LinkFrom(from.get(), name, path));
      continue;
    }
    UniqueFd below(openat(from.get(), name.c_str(),
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below.ok()) return ErrnoStatus(absl::StrCat("open ", name));
    RETURN_IF_ERROR(MoveDirectory(std::move(below),
                                  absl::StrCat(from_path, "/", name), path));
  }
  return absl::OkStatus();
}

absl::Status Fixup::MoveDirectory(UniqueFd from, const std::string& from_path,
                                  const std::string& to) {
  struct stat st;
  if (fstat(from.get(), &st) != 0) return ErrnoStatus("stat " + to);
  Attributes attributes = AttributesOf(st);
  if (implied_.count(from_path) > 0) {
    ASSIGN_OR_RETURN(auto found, StatLayered(below_, to));
    if (found.has_value() && S_ISDIR(found->st.st_mode)) {
      attributes = AttributesOf(found->st);
    }
  }
  made_.insert(to);
  bytes_ += kBlock;
  RETURN_IF_ERROR(tree_.MakeDirectory(to, attributes));
  char value = 0;
  if (fgetxattr(from.get(), "trusted.overlay.opaque", &value, 1) == 1) {
    RETURN_IF_ERROR(tree_.MakeOpaque(to));
  }
  return MoveBelow(std::move(from), from_path, to);
}

}  // namespace

std::string FixupId(const std::vector<StackLayer>& stack) {
  std::string text = "coracle fix-up 1";
  for (const StackLayer& layer : stack) {
    absl::StrAppend(&text, "\n", layer.diff_id);
  }
  return Sha256(text);
}

absl::StatusOr<bool> NeedsFixup(const std::vector<StackLayer>& stack) {
  if (stack.size() < 2 || stack.back().implied.empty()) return false;
  Fixup fixup(stack, UniqueFd());
  RETURN_IF_ERROR(fixup.Run(/*write=*/false));
  return fixup.needed();
}

absl::StatusOr<LayerRecord> WriteFixup(const std::vector<StackLayer>& stack,
                                       UniqueFd root) {
  Fixup fixup(stack, std::move(root));
  RETURN_IF_ERROR(runtime::Annotate(fixup.Run(/*write=*/true), "fix-up layer"));
  return LayerRecord{
      FixupId(stack), fixup.bytes() + kBlock, fixup.tree().inodes() + 1, {}};
}

}  // namespace cri::image
