// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/spawn.h"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/hold/child.h"
#include "runtime/hold/holder.h"
#include "runtime/hold/pause.h"
#include "runtime/hold/socket.h"
#include "runtime/state/container.h"

namespace runtime::hold {
namespace {

// The UTS name and the sysctls of the namespaces that this process is in.
absl::Status SetUpNamespaces(const Request& request) {
  if ((request.flags & kNewUts) != 0 && !request.hostname.empty() &&
      sethostname(request.hostname.data(), request.hostname.size()) != 0) {
    return ErrnoStatus(absl::StrCat("set host name ", request.hostname));
  }
  for (const auto& [name, value] : request.sysctls) {
    RETURN_IF_ERROR(CheckSysctl(name, value, request.flags));
    std::string path = name;
    std::replace(path.begin(), path.end(), '.', '/');
    RETURN_IF_ERROR(Annotate(WriteFile(absl::StrCat("/proc/sys/", path), value),
                             absl::StrCat("set sysctl ", name)));
  }
  return absl::OkStatus();
}

// The pod's namespaces belong to its user namespace; the holder is in them, but
// stays the host's root.
absl::Status EnterOwned(const Request& request, int flags, UniqueFd* user) {
  ASSIGN_OR_RETURN(ns::Owned owned,
                   ns::MakeOwned(request.id_maps, static_cast<uint64_t>(flags),
                                 [&] { return SetUpNamespaces(request); }));
  for (const UniqueFd* fd : {&owned.network, &owned.ipc, &owned.uts}) {
    if (fd->ok() && setns(fd->get(), 0) != 0) {
      return ErrnoStatus("enter the namespaces of the pod");
    }
  }
  *user = std::move(owned.user);
  return absl::OkStatus();
}

absl::Status EnterNamespaces(const Request& request, UniqueFd* user) {
  int flags = 0;
  if ((request.flags & kNewNetwork) != 0) flags |= CLONE_NEWNET;
  if ((request.flags & kNewIpc) != 0) flags |= CLONE_NEWIPC;
  if ((request.flags & kNewUts) != 0) flags |= CLONE_NEWUTS;
  if (!request.id_maps.empty()) return EnterOwned(request, flags, user);
  if (flags != 0 && unshare(flags) != 0) {
    return ErrnoStatus("make the namespaces of the pod");
  }
  return SetUpNamespaces(request);
}

absl::Status Prepare(const Request& request, int state_dir, int empty_root,
                     Holder::Options* options) {
  if (!state::IsValidId(request.id)) {
    return absl::InvalidArgumentError("start holder: not a valid sandbox id");
  }
  std::string path = absl::StrCat("pods/", request.id);
  options->dir.reset(openat(state_dir, path.c_str(),
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!options->dir.ok()) return ErrnoStatus(absl::StrCat("open ", path));
  // Two holders for one sandbox must never be.
  UniqueFd other(ConnectAt(options->dir.get(), "holder.sock"));
  if (other.ok()) {
    return absl::AlreadyExistsError(
        absl::StrCat("sandbox ", request.id, ": its holder already runs"));
  }
  RETURN_IF_ERROR(EnterNamespaces(request, &options->pod_user_namespace));
  if ((request.flags & kSharePid) != 0) {
    options->pause_pid =
        StartPause(empty_root, options->pod_user_namespace.get(),
                   &options->pod_pid_namespace);
    if (options->pause_pid < 0) {
      return ErrnoStatus(-options->pause_pid, "start the pod's pause process");
    }
  }
  options->listen.reset(ListenAt(options->dir.get(), "holder.sock", 32));
  if (!options->listen.ok()) {
    return ErrnoStatus(-options->listen.get(), "listen on holder.sock");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSysctl(absl::string_view name, absl::string_view value,
                         uint32_t flags) {
  bool well_formed = !name.empty() && !absl::StrContains(name, "..");
  for (char c : name) {
    well_formed =
        well_formed && (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                        c == '.' || c == '_' || c == '-');
  }
  for (char c : value) well_formed = well_formed && c != '\n' && c != '\0';
  if (!well_formed || value.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("sysctl \"", name, "\": malformed name or value"));
  }
  bool ipc = absl::StartsWith(name, "kernel.shm") ||
             absl::StartsWith(name, "kernel.msg") || name == "kernel.sem" ||
             absl::StartsWith(name, "fs.mqueue.");
  bool network = absl::StartsWith(name, "net.");
  if ((ipc && (flags & kNewIpc) != 0) ||
      (network && (flags & kNewNetwork) != 0)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "sysctl \"", name, "\": not of a namespace that the pod has of its own"));
}

void RunHolder(const Request& request, int state_dir, int empty_root,
               bool start_empty, UniqueFd requester) {
  signal(SIGCHLD, SIG_DFL);
  Holder::Options options;
  absl::Status status = Prepare(request, state_dir, empty_root, &options);
  Reply reply;
  if (!status.ok()) {
    reply.code = static_cast<int32_t>(status.code());
    reply.text = std::string(status.message());
    SendMessage(requester.get(), Encode(reply));
    if (options.pause_pid > 0) kill(options.pause_pid, SIGKILL);
    _exit(1);
  }
  SetTitle("coracle-hold",
           absl::StrCat("coracle-oci hold ", request.id).c_str());
  if (start_empty) options.empty_root.reset(empty_root);
  CloseAllBut({requester.get(), options.dir.get(), options.listen.get(),
               options.empty_root.get(), options.pod_pid_namespace.get(),
               options.pod_user_namespace.get()});
  reply.type = ReplyType::kSandbox;
  reply.value = getpid();
  reply.value2 = options.pause_pid;
  if (SendMessage(requester.get(), Encode(reply)) != 0) {
    // The daemon that wanted this pod has died, and the next one may have swept
    // the directory already: a holder nobody knows must not be.
    unlinkat(options.dir.get(), "holder.sock", 0);
    _exit(1);  // the pause dies with us
  }
  requester.reset();
  umask(022);  // for log files, and for containers whose config has none
  // What Prepare used is not needed for the years to come.
  malloc_trim(0);
  Holder(std::move(options)).Run();
  _exit(0);
}

}  // namespace runtime::hold
