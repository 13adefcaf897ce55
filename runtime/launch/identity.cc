// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/identity.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/raw.h"
#include "runtime/base/spawn.h"
#include "runtime/base/status.h"
#include "runtime/path/root.h"
#include "runtime/seccomp/cache.h"

namespace runtime::launch {
namespace {

constexpr size_t kMaxPasswdBytes = 1 << 20;

// The file is the image's. Nothing but a regular one is opened: a device would
// be, outside of the container's device cgroup, and a FIFO would block.
absl::StatusOr<std::string> ReadPasswd(const path::Proc& proc) {
  ASSIGN_OR_RETURN(path::Root root, path::Root::Open("/"));
  ASSIGN_OR_RETURN(UniqueFd found, root.OpenAt("/etc/passwd", O_PATH));
  struct stat info;
  if (fstat(found.get(), &info) != 0) return ErrnoStatus("stat /etc/passwd");
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError("/etc/passwd is no regular file");
  }
  ASSIGN_OR_RETURN(UniqueFd file, proc.Reopen(found.get(), O_RDONLY));
  return ReadFd(file.get(), "/etc/passwd", kMaxPasswdBytes);
}

// Field 6 of the user's line. The size is capped and only a plain absolute path
// is taken from it.
std::string HomeOf(uid_t uid, const path::Proc& proc) {
  absl::StatusOr<std::string> text = ReadPasswd(proc);
  if (!text.ok()) return uid == 0 ? "/root" : "/";
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    std::vector<absl::string_view> fields = absl::StrSplit(line, ':');
    uid_t entry;
    if (fields.size() < 6 || !absl::SimpleAtoi(fields[2], &entry)) continue;
    if (entry == uid && absl::StartsWith(fields[5], "/") &&
        fields[5].size() < kMaxHome) {
      return std::string(fields[5]);
    }
  }
  return "/";
}

}  // namespace

absl::StatusOr<Identity> PrepareIdentity(const spec::Process& process,
                                         const spec::Config& config,
                                         const std::string& seccomp_cache_dir) {
  Identity identity;
  identity.labels = {process.apparmor_profile, process.selinux_label,
                     config.linux_section.mount_label};
  if (lsm::AnyOf(identity.labels)) {
    RETURN_IF_ERROR(lsm::Check(identity.labels, lsm::Detect()));
  }
  identity.process = process;
  if (config.linux_section.seccomp.has_value()) {
    ASSIGN_OR_RETURN(identity.seccomp,
                     seccomp::CompileCached(*config.linux_section.seccomp,
                                            seccomp_cache_dir));
    identity.has_seccomp = true;
  }
  return identity;
}

IdentityOrders OrdersFor(Identity* identity) {
  const spec::Process& process = identity->process;
  identity->argv = Pointers(process.args);
  identity->envp = Pointers(process.env);
  IdentityOrders orders;
  if (raw::FindVariable(identity->envp.data(), "HOME") == nullptr) {
    identity->envp.push_back(nullptr);
    orders.home = &identity->envp[identity->envp.size() - 2];
  }
  orders.argv = identity->argv.data();
  orders.envp = identity->envp.data();
  orders.cwd = process.cwd.c_str();
  orders.uid = process.user.uid;
  orders.gid = process.user.gid;
  orders.groups = process.user.additional_gids.data();
  orders.group_count = process.user.additional_gids.size();
  orders.umask = process.user.umask.value_or(022);
  orders.capabilities = process.capabilities.value_or(spec::Capabilities());
  orders.rlimits = process.rlimits.data();
  orders.rlimit_count = process.rlimits.size();
  if (identity->has_seccomp) {
    orders.filter = identity->seccomp.code.data();
    orders.filter_size =
        static_cast<unsigned short>(identity->seccomp.code.size());
    orders.filter_flags = identity->seccomp.flags;
  }
  orders.no_new_privileges = process.no_new_privileges;
  orders.terminal = process.terminal;
  orders.rows = process.rows;
  orders.columns = process.columns;
  return orders;
}

std::string HomeFor(const IdentityOrders& orders, const path::Proc& proc) {
  if (orders.home == nullptr) return "";
  return absl::StrCat("HOME=", HomeOf(orders.uid, proc));
}

absl::Status CheckCommand(const IdentityOrders& orders) {
  char file[PATH_MAX];
  raw::Failure failure;
  if (FindCommand(orders, file, &failure)) return absl::OkStatus();
  return absl::Status(absl::ErrnoToStatusCode(failure.error),
                      failure.text.c_str());
}

}  // namespace runtime::launch
