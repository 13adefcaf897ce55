// SPDX-License-Identifier: Apache-2.0
// A directory tree that a layer is written into. Every path is resolved by the
// kernel with openat2 inside the root (RESOLVE_IN_ROOT, no magic links) and its
// last component is never followed, so nothing a layer says reaches outside.
// Needs Linux 5.6.
#ifndef CORACLE_CRI_IMAGE_TREE_H_
#define CORACLE_CRI_IMAGE_TREE_H_

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace cri::image {

struct Attributes {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t mode = 0;  // permission bits with setuid, setgid, sticky
  timespec mtime{};
  std::vector<std::pair<std::string, std::string>> xattrs;
};

// An image path as components below the root: "/a//./b" is "a/b", the root is
// "". INVALID_ARGUMENT for "..", overlong or NUL-bearing paths.
absl::StatusOr<std::string> CleanPath(absl::string_view path);

// openat2 below `root_fd` for readers. `flags` without O_CREAT.
absl::StatusOr<runtime::UniqueFd> OpenInRoot(int root_fd,
                                             const std::string& path, int flags,
                                             uint64_t extra_resolve = 0);

// Writes one tree; not thread safe. Paths come from CleanPath. A thing already
// there is replaced, except that a directory stays one.
class Tree {
 public:
  explicit Tree(runtime::UniqueFd root) : root_(std::move(root)) {}

  absl::Status MakeDirectory(const std::string& path, const Attributes& with);
  // The caller writes content through the descriptor, then calls FinishFile.
  absl::StatusOr<runtime::UniqueFd> CreateFile(const std::string& path);
  absl::Status FinishFile(int fd, const std::string& path,
                          const Attributes& with);
  absl::Status MakeSymlink(const std::string& path, const std::string& target,
                           const Attributes& with);
  absl::Status MakeHardLink(const std::string& path, const std::string& target);
  // The same with a file of another tree on this filesystem.
  absl::Status LinkFrom(int directory, const std::string& name,
                        const std::string& path);
  // `type` is S_IFCHR, S_IFBLK or S_IFIFO.
  absl::Status MakeNode(const std::string& path, mode_t type, dev_t device,
                        const Attributes& with);
  // Hides `path` of lower layers; what this layer itself has there stays.
  absl::Status MakeWhiteout(const std::string& path);
  // Hides all that lower layers have in the directory `path`.
  absl::Status MakeOpaque(const std::string& path);

  // Sets the directory times that later entries have changed meanwhile.
  absl::Status Finish();

  // Directories that entries needed but the layer did not carry, in order.
  const std::vector<std::string>& implied() const { return implied_; }
  uint64_t inodes() const { return inodes_; }

 private:
  absl::StatusOr<int> Parent(const std::string& path, uint64_t extra_resolve);
  absl::Status OpenParent(const std::string& directory, uint64_t extra_resolve);
  absl::Status MakeImplied(const std::string& path);
  absl::StatusOr<bool> Clear(int parent, const std::string& path,
                             bool keep_directory, bool* was_whiteout);
  absl::Status Apply(int parent, const std::string& path,
                     const Attributes& with, bool mode_too);

  runtime::UniqueFd root_;
  runtime::UniqueFd parent_;  // of the previous entry
  std::string parent_path_;
  uint64_t parent_resolve_ = 0;
  std::map<std::string, timespec> directory_times_;
  std::vector<std::string> implied_;
  uint64_t inodes_ = 0;
};

}  // namespace cri::image

#endif  // CORACLE_CRI_IMAGE_TREE_H_
