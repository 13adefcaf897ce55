// SPDX-License-Identifier: Apache-2.0
// ArchiveWriter writes a tar (pax, uncompressed), one entry after the other.
#ifndef CORACLE_CRI_CHECKPOINT_ARCHIVE_H_
#define CORACLE_CRI_CHECKPOINT_ARCHIVE_H_

#include <sys/stat.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

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
  // rest is zeros. Its holes stay holes (pax sparse 1.0, as GNU tar writes it)
  // and cost no time.
  absl::Status AddFile(const Entry& entry, int fd);
  // A file of root's, mode 0600, as it is now: from a text, or from the file
  // `path`, which has to be a regular one and no link.
  absl::Status AddText(const std::string& name, absl::string_view text);
  absl::Status AddPath(const std::string& name, const std::string& path);
  // The end of the tar. Without it the tar is cut short.
  absl::Status Close();

  // A part of a file, from one offset to another.
  struct Extent {
    off_t begin, end;
  };

 private:
  struct Free {
    void operator()(struct archive* archive) const;
  };
  struct Unmap {
    void operator()(char* memory) const;
  };
  ArchiveWriter(struct archive* archive, std::function<absl::Status()> check)
      : archive_(archive), check_(std::move(check)) {}
  absl::Status Result(int code, absl::string_view name) const;
  absl::Status AddHeader(const Entry& entry, const std::vector<Extent>& data);
  absl::Status Write(const std::string& name, absl::string_view data);
  absl::Status Skip(const std::string& name, off_t size);
  // False if the file ended before the extent did.
  absl::StatusOr<bool> Copy(const std::string& name, int fd, Extent extent);

  std::unique_ptr<struct archive, Free> archive_;
  std::function<absl::Status()> check_;
  std::unique_ptr<char, Unmap> hole_;  // zeros; nullptr until one is met
};

}  // namespace cri::checkpoint

#endif  // CORACLE_CRI_CHECKPOINT_ARCHIVE_H_
