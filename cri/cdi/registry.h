// SPDX-License-Identifier: Apache-2.0
// Registry is all devices that the CDI files of some directories describe. It
// reads them when a device is asked for, so that a file counts from the moment
// it is there.
#ifndef CORACLE_CRI_CDI_REGISTRY_H_
#define CORACLE_CRI_CDI_REGISTRY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cri/cdi/spec.h"

namespace cri::cdi {

// For people: what could be asked for, and what is wrong.
struct Overview {
  std::vector<std::string> directories;
  std::vector<std::string> devices;   // full names
  std::vector<std::string> problems;  // "<path>: <field>: <reason>"
};

// Thread safe; Resolve and Look read files.
class Registry {
 public:
  // Files "*.json" and "*.yaml" directly in these directories; a device of a
  // later directory replaces one of an earlier. A directory may be missing.
  explicit Registry(std::vector<std::string> directories);
  void Configure(std::vector<std::string> directories)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // What these devices (CheckName'd) add, in their order; what a file says for
  // all of its devices comes once, before its first. NOT_FOUND names a device
  // that nothing describes, the directories, and the files that could not be
  // read; FAILED_PRECONDITION one that two files of a directory describe;
  // UNIMPLEMENTED a field that is not supported.
  absl::StatusOr<Edits> Resolve(const std::vector<std::string>& names) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  Overview Look() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct File {
    std::string path;
    Spec spec;
  };
  struct Found {
    std::shared_ptr<const File> file, rival;  // rival: of the same directory
    size_t priority = 0;
  };
  struct Scan {
    std::map<std::string, Found> devices;  // by full name
    std::vector<std::string> problems;
  };

  std::vector<std::string> Directories() const ABSL_LOCKS_EXCLUDED(mutex_);
  static Scan ScanAll(const std::vector<std::string>& directories);
  static void ReadDirectory(const std::string& directory, size_t priority,
                            Scan& scan);
  static void Add(std::shared_ptr<const File> file, size_t priority,
                  Scan& scan);

  mutable absl::Mutex mutex_;
  std::vector<std::string> directories_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cri::cdi

#endif  // CORACLE_CRI_CDI_REGISTRY_H_
