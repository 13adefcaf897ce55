// SPDX-License-Identifier: Apache-2.0
// Root confines every path below one directory: symlinks and ".." are resolved
// as if it were "/", by the kernel (openat2, Linux 5.6), and what comes back is
// a descriptor, so that nothing can be swapped between check and use. All work
// inside a container's root goes through it.
#ifndef CORACLE_RUNTIME_PATH_ROOT_H_
#define CORACLE_RUNTIME_PATH_ROOT_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace runtime::path {

// Not thread safe (no state but the descriptor). Errors name the path as seen
// inside the root.
class Root {
 public:
  // `fd` is a directory.
  explicit Root(UniqueFd fd) : fd_(std::move(fd)) {}
  // The last component of `path` must not be a symlink.
  static absl::StatusOr<Root> Open(const std::string& path);

  int fd() const { return fd_.get(); }

  enum class Links {
    kFollow,  // inside the root
    kRefuse   // any symlink on the way is an error
  };

  // openat2 with O_CLOEXEC. O_CREAT works for the last component.
  absl::StatusOr<UniqueFd> OpenAt(const std::string& path, int flags,
                                  mode_t mode = 0,
                                  Links links = Links::kFollow) const;

  // The directory at `path`, made with all missing parents. O_PATH.
  absl::StatusOr<UniqueFd> MakeDirs(const std::string& path, mode_t mode = 0755,
                                    Links links = Links::kFollow) const;

  // The file at `path`, made empty with all missing parents if nothing is
  // there. O_PATH; an existing object of any type but a directory is fine.
  absl::StatusOr<UniqueFd> MakeFile(const std::string& path) const;

  // The directory that holds `path` (made if missing) and its last name.
  struct Parent {
    UniqueFd directory;
    std::string name;
  };
  absl::StatusOr<Parent> MakeParent(const std::string& path,
                                    Links links = Links::kFollow) const;

 private:
  absl::StatusOr<UniqueFd> MakeDirsDepth(const std::string& path, mode_t mode,
                                         Links links, int depth) const;
  absl::StatusOr<UniqueFd> MakeFileDepth(const std::string& path,
                                         int depth) const;

  UniqueFd fd_;
};

}  // namespace runtime::path

#endif  // CORACLE_RUNTIME_PATH_ROOT_H_
