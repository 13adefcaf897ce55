// SPDX-License-Identifier: Apache-2.0
// ArchiveWriter writes a tar (pax, uncompressed), one entry after the other.
#ifndef CORACLE_CRI_CHECKPOINT_ARCHIVE_H_
#define CORACLE_CRI_CHECKPOINT_ARCHIVE_H_

#include <sys/stat.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct archive;

namespace cri::checkpoint {

// What an entry is, but for the content of regular files.
struct Entry {
  std::string name;       // relative, "etc/hosts"
  struct stat status {};  // type, mode, owner, size, device, time
  std::string target;     // of a symbolic link
  std::string same_as;    // name of an earlier entry: another link to it
  std::map<std::string, std::string> xattrs;
};

// Not thread safe.
class ArchiveWriter {
 public:
  // Writes to `fd`, which outlives it. `check` is asked now and then; its error
  // ends the work.
  static absl::StatusOr<ArchiveWriter> Open(
      int fd, std::function<absl::Status()> check);

  // All but regular files with content.
  absl::Status Add(const Entry& entry);
  // A regular file as long as `entry` says: of one that shrinks meanwhile the
  // rest is zeros.
  absl::Status AddFile(const Entry& entry, int fd);
  // A file of root's, mode 0600, as it is now: from a text, or from the file
  // `path`, which has to be a regular one and no link.
  absl::Status AddText(const std::string& name, absl::string_view text);
  absl::Status AddPath(const std::string& name, const std::string& path);
  // The end of the tar. Without it the tar is cut short.
  absl::Status Close();

 private:
  struct Free {
    void operator()(struct archive* archive) const;
  };
  ArchiveWriter(struct archive* archive, std::function<absl::Status()> check)
      : archive_(archive), check_(std::move(check)) {}
  absl::Status Result(int code, absl::string_view name) const;
  absl::Status Write(const std::string& name, absl::string_view data);

  std::unique_ptr<struct archive, Free> archive_;
  std::function<absl::Status()> check_;
};

}  // namespace cri::checkpoint

#endif  // CORACLE_CRI_CHECKPOINT_ARCHIVE_H_
