// SPDX-License-Identifier: Apache-2.0
// A procfs handle that is really procfs. A container's own /proc may be an
// ordinary directory or have things mounted over it; nothing that we write
// (sysctls, oom_score_adj, maps) goes through that. The handle is the host's,
// opened before the container's root, and paths below it never leave it.
#ifndef CORACLE_RUNTIME_PATH_PROC_H_
#define CORACLE_RUNTIME_PATH_PROC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace runtime::path {

class Proc {
 public:
  // Opens /proc of the current mount namespace and checks that it is the root
  // of a procfs.
  static absl::StatusOr<Proc> Open();

  // Opens "self/oom_score_adj" or the like; a mount or magic link on the way is
  // an error.
  absl::StatusOr<UniqueFd> OpenAt(const std::string& name, int flags) const;
  absl::Status Write(const std::string& name, absl::string_view data) const;
  absl::StatusOr<std::string> Read(const std::string& name) const;
  // What the caller's descriptor `fd` (O_PATH, say) leads to, opened anew.
  absl::StatusOr<UniqueFd> Reopen(int fd, int flags) const;
  // The text of a link, such as "self/ns/user": "user:[4026531837]".
  absl::StatusOr<std::string> ReadLink(const std::string& name) const;
  int fd() const { return fd_.get(); }

 private:
  explicit Proc(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace runtime::path

#endif  // CORACLE_RUNTIME_PATH_PROC_H_
