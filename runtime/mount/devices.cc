// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/mount/api.h"

namespace runtime::mount {
namespace {

mode_t TypeBits(char type) {
  if (type == 'b') return S_IFBLK;
  if (type == 'p') return S_IFIFO;
  return S_IFCHR;
}

// The host's name of a device that has another one in the container, or "".
std::string HostName(const spec::Device& device) {
  std::string file =
      absl::StrCat("/sys/dev/", device.type == 'b' ? "block" : "char", "/",
                   device.major, ":", device.minor, "/uevent");
  absl::StatusOr<std::string> text = ReadFile(file, 4096);
  if (!text.ok()) return "";
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (absl::ConsumePrefix(&line, "DEVNAME=")) {
      return absl::StrCat("/dev/", line);
    }
  }
  return "";
}

absl::Status BindDevice(const path::Root& root, const spec::Device& device) {
  absl::StatusOr<UniqueFd> host =
      OpenDevice(device.path, device.type, device.major, device.minor);
  if (std::string name; !host.ok() && !(name = HostName(device)).empty()) {
    host = OpenDevice(name, device.type, device.major, device.minor);
  }
  RETURN_IF_ERROR(host.status());
  ASSIGN_OR_RETURN(UniqueFd tree, CloneTree(host->get(), "", false));
  ASSIGN_OR_RETURN(UniqueFd target, root.MakeFile(device.path));
  return Attach(tree.get(), target.get());
}

absl::Status MakeDevice(const path::Root& root, const spec::Device& device) {
  ASSIGN_OR_RETURN(path::Root::Parent parent,
                   root.MakeParent(device.path, path::Root::Links::kRefuse));
  int dir = parent.directory.get();
  const char* name = parent.name.c_str();
  dev_t number = makedev(static_cast<unsigned>(device.major),
                         static_cast<unsigned>(device.minor));
  if (mknodat(dir, name, TypeBits(device.type) | device.mode, number) != 0) {
    if (errno == EPERM) return BindDevice(root, device);
    if (errno != EEXIST) return ErrnoStatus("mknod");
    // What an image has under this name is not trusted to be the device.
    if (unlinkat(dir, name, 0) != 0 ||
        mknodat(dir, name, TypeBits(device.type) | device.mode, number) != 0) {
      return ErrnoStatus("mknod");
    }
  }
  // The umask is 0 here; mknod's mode is exact.
  if ((device.uid != 0 || device.gid != 0) &&
      fchownat(dir, name, device.uid, device.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus("chown");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<spec::Device> DefaultDevices() {
  return {{'c', "/dev/null", 1, 3},    {'c', "/dev/zero", 1, 5},
          {'c', "/dev/full", 1, 7},    {'c', "/dev/random", 1, 8},
          {'c', "/dev/urandom", 1, 9}, {'c', "/dev/tty", 5, 0}};
}

absl::StatusOr<UniqueFd> OpenDevice(const std::string& path, char type,
                                    int64_t major, int64_t minor) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_PATH | O_NOFOLLOW));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(path);
  if ((info.st_mode & S_IFMT) != TypeBits(type) ||
      info.st_rdev !=
          makedev(static_cast<unsigned>(major), static_cast<unsigned>(minor))) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is not the device ", std::string(1, type), " ",
                     major, ":", minor));
  }
  return fd;
}

absl::Status MakeDevices(const path::Root& root,
                         const std::vector<spec::Device>& devices) {
  for (const spec::Device& device : DefaultDevices()) {
    RETURN_IF_ERROR(Annotate(MakeDevice(root, device),
                             absl::StrCat("device ", device.path)));
  }
  for (const spec::Device& device : devices) {
    RETURN_IF_ERROR(Annotate(MakeDevice(root, device),
                             absl::StrCat("device ", device.path)));
  }
  return absl::OkStatus();
}

absl::Status MakeDeviceLinks(const path::Root& root) {
  ASSIGN_OR_RETURN(UniqueFd dev,
                   root.MakeDirs("/dev", 0755, path::Root::Links::kRefuse));
  constexpr std::pair<const char*, const char*> kLinks[] = {
      {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"},
      {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
      {"pts/ptmx", "ptmx"},
  };
  for (const auto& [target, name] : kLinks) {
    if (symlinkat(target, dev.get(), name) != 0 && errno != EEXIST) {
      return ErrnoStatus(absl::StrCat("symlink /dev/", name));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Terminal> OpenTerminal(const path::Root& root) {
  Terminal terminal;
  ASSIGN_OR_RETURN(terminal.master,
                   root.OpenAt("/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0,
                               path::Root::Links::kRefuse));
  struct statfs fs;
  if (fstatfs(terminal.master.get(), &fs) != 0 ||
      fs.f_type != DEVPTS_SUPER_MAGIC) {
    return absl::FailedPreconditionError("/dev/pts is not a devpts");
  }
  int unlock = 0;
  if (ioctl(terminal.master.get(), TIOCSPTLCK, &unlock) != 0) {
    return ErrnoStatus("unlock terminal");
  }
  int slave =
      ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return ErrnoStatus("open terminal");
  terminal.slave.reset(slave);
  return terminal;
}

absl::Status BindConsole(const path::Root& root, int slave_fd) {
  ASSIGN_OR_RETURN(UniqueFd tree, CloneTree(slave_fd, "", false));
  ASSIGN_OR_RETURN(UniqueFd target, root.MakeFile("/dev/console"));
  return Attach(tree.get(), target.get());
}

}  // namespace runtime::mount
