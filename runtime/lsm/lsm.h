// SPDX-License-Identifier: Apache-2.0
// Labels of AppArmor and SELinux: what this host enforces, and giving a process
// the label that it has from its next exec on. Needs no kernel feature by
// itself; a label that the host cannot enforce is refused, never ignored.
#ifndef CORACLE_RUNTIME_LSM_LSM_H_
#define CORACLE_RUNTIME_LSM_LSM_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/path/proc.h"

namespace runtime::lsm {

struct Modules {
  bool apparmor = false, selinux = false;
};

// What is in force, by the files below `sys`.
Modules Detect(const std::string& sys = "/sys");

// "" = none; AppArmor's "unconfined" also is none.
struct Labels {
  std::string apparmor_profile;
  std::string selinux_label;  // "user:role:type:level"
  std::string mount_label;    // the same, of file systems; see mount/
};

// Whether there is anything to enforce.
bool AnyOf(const Labels& labels);

// INVALID_ARGUMENT for a label that no kernel takes (quotes, control bytes,
// more than 4000 bytes), FAILED_PRECONDITION for one that this host does not
// enforce; both begin with the field of the OCI config.
absl::Status Check(const Labels& labels, const Modules& host);

// The files of /proc/self/attr of the calling process.
class Attributes {
 public:
  virtual ~Attributes() = default;
  // `name` is "exec" or "apparmor/exec"; NOT_FOUND if there is no such file.
  virtual absl::Status Write(const std::string& name,
                             absl::string_view text) const = 0;
  virtual absl::StatusOr<std::string> Read(const std::string& name) const = 0;
};

// Those of the kernel, through a procfs that is known to be one
// (CVE-2019-16884, CVE-2025-52881).
class ProcAttributes : public Attributes {
 public:
  explicit ProcAttributes(const path::Proc* proc) : proc_(proc) {}
  absl::Status Write(const std::string& name,
                     absl::string_view text) const override;
  absl::StatusOr<std::string> Read(const std::string& name) const override;

 private:
  const path::Proc* const proc_;
};

// Processes that the calling one forks get `labels` when they exec, and so
// would itself; a keyring that they make before has the SELinux one. Both are
// read back. FAILED_PRECONDITION if a profile is not loaded or a label unknown
// to the policy.
absl::Status SetForInit(const Labels& labels, const Attributes& attributes);

// The same for processes that are forked later: they get none of `labels`.
absl::Status Unset(const Labels& labels, const Attributes& attributes);

}  // namespace runtime::lsm

#endif  // CORACLE_RUNTIME_LSM_LSM_H_
