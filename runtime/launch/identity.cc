// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/caps/caps.h"
#include "runtime/seccomp/cache.h"

namespace runtime::launch {
namespace {

constexpr absl::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::vector<char*> Pointers(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings->size() + 1);
  for (std::string& text : *strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

constexpr size_t kMaxPasswdBytes = 1 << 20;

absl::Status Check(int error, absl::string_view what) {
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, what);
}

// Output that is a pipe of the runtime's must stay openable as /dev/stdout.
void GiveStdio(uid_t uid) {
  for (int fd = 0; fd <= 2; ++fd) GiveStream(fd, uid);
}

absl::Status ChangeDirectory(const std::string& cwd) {
  if (chdir(cwd.c_str()) != 0) return ErrnoStatus(absl::StrCat("cwd ", cwd));
  // The directory may have been reached through a descriptor that leads out of
  // the root; the kernel then cannot name it (CVE-2024-21626).
  char buffer[PATH_MAX];
  long size = syscall(SYS_getcwd, buffer, sizeof(buffer));
  if (size <= 0 || buffer[0] != '/') {
    return absl::PermissionDeniedError(
        absl::StrCat("cwd ", cwd, ": is outside of the container's root"));
  }
  return absl::OkStatus();
}

// Field 6 of the user's line. The file is the image's: its size is capped and
// only a plain absolute path is taken from it.
std::string HomeOf(uid_t uid) {
  absl::StatusOr<std::string> text = ReadFile("/etc/passwd", kMaxPasswdBytes);
  if (!text.ok()) return uid == 0 ? "/root" : "/";
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    std::vector<absl::string_view> fields = absl::StrSplit(line, ':');
    uid_t entry;
    if (fields.size() < 6 || !absl::SimpleAtoi(fields[2], &entry)) continue;
    if (entry == uid && absl::StartsWith(fields[5], "/")) {
      return std::string(fields[5]);
    }
  }
  return "/";
}

void LayOut(Identity* identity) {
  identity->argv = Pointers(&identity->process.args);
  identity->envp = Pointers(&identity->process.env);
}

}  // namespace

absl::StatusOr<Identity> PrepareIdentity(const spec::Process& process,
                                         const spec::Config& config,
                                         const std::string& seccomp_cache_dir) {
  Identity identity;
  identity.labels = {process.apparmor_profile, process.selinux_label,
                     config.linux_section.mount_label};
  RETURN_IF_ERROR(lsm::Check(identity.labels, lsm::Detect()));
  identity.process = process;
  if (config.linux_section.seccomp.has_value()) {
    ASSIGN_OR_RETURN(identity.seccomp,
                     seccomp::CompileCached(*config.linux_section.seccomp,
                                            seccomp_cache_dir));
    identity.has_seccomp = true;
  }
  return identity;
}

void GiveStream(int fd, uid_t uid) {
  struct stat info;
  if (fstat(fd, &info) != 0 || info.st_uid == uid) return;
  if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3)) return;
  if (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode) &&
      !S_ISSOCK(info.st_mode)) {
    return;
  }
  // A read-only or foreign file keeps its owner; the process can still use the
  // open descriptor.
  if (fchown(fd, uid, static_cast<gid_t>(-1)) != 0) return;
}

void AddHome(Identity* identity) {
  for (const std::string& entry : identity->process.env) {
    if (absl::StartsWith(entry, "HOME=")) return LayOut(identity);
  }
  std::string home = HomeOf(identity->process.user.uid);
  identity->process.env.push_back(absl::StrCat("HOME=", home));
  LayOut(identity);
}

void ResetSignals() {
  // The kernel's own structure: the C library hides two signals that its
  // threads use, and those may be ignored too. All zero is SIG_DFL.
  struct {
    void* handler = nullptr;
    unsigned long flags = 0;
    void* restorer = nullptr;
    unsigned long mask = 0;
  } action;
  // An ignored signal stays ignored over exec; a workload expects the default,
  // SIGPIPE above all.
  for (int signal = 1; signal <= 64; ++signal) {
    syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof(action.mask));
  }
  unsigned long none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof(none));
}

absl::Status SetStdio(int in, int out, int err) {
  int fds[3] = {in, out, err};
  // Moved above 2 first: one of them may be where another belongs.
  for (int& fd : fds) {
    fd = fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : fd;
    if (fd >= 0) fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return ErrnoStatus("stdio");
  }
  for (int i = 0; i < 3; ++i) {
    if (dup2(fds[i], i) < 0) return ErrnoStatus("stdio");
    close(fds[i]);
  }
  return absl::OkStatus();
}

absl::Status SetTerminal(int slave_fd, const spec::Process& process) {
  RETURN_IF_ERROR(SetStdio(slave_fd, slave_fd, slave_fd));
  if (ioctl(0, TIOCSCTTY, 0) != 0) return ErrnoStatus("controlling terminal");
  if (process.rows != 0 || process.columns != 0) {
    winsize size = {};
    size.ws_row = process.rows;
    size.ws_col = process.columns;
    if (ioctl(0, TIOCSWINSZ, &size) != 0) return ErrnoStatus("terminal size");
  }
  return absl::OkStatus();
}

absl::Status JoinKeyring(const Identity& identity, const path::Proc& proc) {
  const std::string& label = identity.labels.selinux_label;
  const lsm::ProcAttributes attributes(&proc);
  if (!label.empty()) RETURN_IF_ERROR(lsm::SetForKeys(label, attributes));
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr, 0, 0, 0);
  return label.empty() ? absl::OkStatus() : lsm::SetForKeys("", attributes);
}

absl::Status SetRlimits(const std::vector<spec::Rlimit>& limits) {
  for (const spec::Rlimit& limit : limits) {
    auto resource = static_cast<__rlimit_resource_t>(limit.resource);
    struct rlimit value = {limit.soft, limit.hard};
    if (setrlimit(resource, &value) == 0) continue;
    struct rlimit now;
    if (errno != EPERM || getrlimit(resource, &now) != 0) {
      return ErrnoStatus("setrlimit");
    }
    // Without CAP_SYS_RESOURCE hard limits only go down.
    value.rlim_max = std::min(value.rlim_max, now.rlim_max);
    value.rlim_cur = std::min(value.rlim_cur, value.rlim_max);
    if (setrlimit(resource, &value) != 0) return ErrnoStatus("setrlimit");
  }
  return absl::OkStatus();
}

absl::Status Become(const Identity& identity) {
  const spec::Process& process = identity.process;
  const spec::User& user = process.user;
  const spec::Capabilities capabilities =
      process.capabilities.value_or(spec::Capabilities());
  umask(user.umask.value_or(022));
  if (process.no_new_privileges &&
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return ErrnoStatus("no_new_privs");
  }
  // Without no_new_privs only CAP_SYS_ADMIN may install a filter.
  if (identity.has_seccomp && !process.no_new_privileges) {
    RETURN_IF_ERROR(Check(seccomp::Install(identity.seccomp), "seccomp"));
  }
  GiveStdio(user.uid);
  RETURN_IF_ERROR(
      Check(caps::LimitBounding(capabilities), "bounding capabilities"));
  // Exactly these groups: none of the runtime's own stays.
  if (setgroups(user.additional_gids.size(), user.additional_gids.data()) !=
      0) {
    return ErrnoStatus("setgroups");
  }
  if (setresgid(user.gid, user.gid, user.gid) != 0) {
    return ErrnoStatus(absl::StrCat("setgid ", user.gid));
  }
  // Before the change of user, in case only root may enter; and after, in case
  // only the user may.
  absl::Status directory = ChangeDirectory(process.cwd);
  if (setresuid(user.uid, user.uid, user.uid) != 0) {
    return ErrnoStatus(absl::StrCat("setuid ", user.uid));
  }
  RETURN_IF_ERROR(Check(caps::Apply(capabilities), "capabilities"));
  if (!directory.ok()) directory = ChangeDirectory(process.cwd);
  RETURN_IF_ERROR(directory);
  // The change of user made the process dumpable again.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return absl::OkStatus();
}

absl::StatusOr<std::string> FindCommand(const spec::Process& process) {
  const std::string& name = process.args[0];
  if (name.find('/') != std::string::npos) return name;
  absl::string_view path = kDefaultPath;
  for (const std::string& entry : process.env) {
    if (absl::StartsWith(entry, "PATH=")) {
      path = absl::string_view(entry).substr(5);
    }
  }
  int error = ENOENT;
  for (absl::string_view directory : absl::StrSplit(path, ':')) {
    // An empty or relative entry would mean the working directory.
    if (directory.empty() || directory[0] != '/') continue;
    std::string file = absl::StrCat(directory, "/", name);
    struct stat info;
    if (stat(file.c_str(), &info) != 0 || S_ISDIR(info.st_mode)) continue;
    if (access(file.c_str(), X_OK) == 0) return file;
    error = errno;
  }
  if (error == ENOENT) {
    return absl::NotFoundError(
        absl::StrCat("exec ", name, ": executable file not found in $PATH"));
  }
  return ErrnoStatus(error, absl::StrCat("exec ", name));
}

std::string ExecError(const std::string& path, int error) {
  char text[128];
  bool searched = error == ENOENT && path.find('/') == std::string::npos;
  return absl::StrCat("exec ", path, ": ",
                      searched ? "executable file not found in $PATH"
                               : strerror_r(error, text, sizeof(text)));
}

int Exec(const Identity& identity, std::string* path) {
  absl::StatusOr<std::string> command = FindCommand(identity.process);
  *path = command.ok() ? *command : identity.process.args[0];
  if (!command.ok())
    return absl::IsNotFound(command.status()) ? ENOENT : EACCES;
  if (identity.has_seccomp && identity.process.no_new_privileges) {
    if (int error = seccomp::Install(identity.seccomp); error != 0) {
      *path = "seccomp";
      return error;
    }
  }
  execve(path->c_str(), identity.argv.data(), identity.envp.data());
  return errno;
}

}  // namespace runtime::launch
