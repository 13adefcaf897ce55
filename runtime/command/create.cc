// SPDX-License-Identifier: Apache-2.0
// create and run.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status.h"
#include "runtime/command/command.h"
#include "runtime/command/flags.h"
#include "runtime/command/keeper.h"
#include "runtime/command/words.h"
#include "runtime/launch/container.h"
#include "runtime/launch/hooks.h"
#include "runtime/launch/plan.h"

namespace runtime::command {
namespace {

struct CreateFlags {
  std::string bundle = ".", pid_file, console_socket, preserve_fds;
  bool no_pivot = false, no_new_keyring = false, no_subreaper = false;
  bool detach = false, keep = false;

  void Add(Flags* flags) {
    flags->String("bundle", 'b', &bundle, "DIR",
                  "directory with config.json (default: .)");
    flags->String("pid-file", 0, &pid_file, "FILE",
                  "write the container's process ID there");
    flags->String("console-socket", 0, &console_socket, "SOCKET",
                  "send the terminal's master there");
    flags->String("preserve-fds", 0, &preserve_fds, "N",
                  "accepted for 0; descriptors are never passed on");
    flags->Bool("no-pivot", 0, &no_pivot,
                "accepted; the root is always pivoted");
    flags->Bool("no-new-keyring", 0, &no_new_keyring,
                "accepted; a container always gets a session keyring");
    flags->Bool("no-subreaper", 0, &no_subreaper, "accepted");
  }
  absl::Status Check() const {
    if (!preserve_fds.empty() && preserve_fds != "0") {
      return absl::UnimplementedError("--preserve-fds: is not supported");
    }
    return absl::OkStatus();
  }
};

std::string Rfc3339Now() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc;
  gmtime_r(&now.tv_sec, &utc);
  char text[64];
  strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  char fraction[32];
  snprintf(fraction, sizeof(fraction), ".%09ldZ", now.tv_nsec);
  return absl::StrCat(text, fraction);
}

absl::StatusOr<std::string> Absolute(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  if (real == nullptr) return ErrnoStatus(absl::StrCat("--bundle ", path));
  std::string result(real);
  free(real);
  return result;
}

// One container in the making: undone unless Keep is called.
struct Creation {
  Record record;
  spec::Config config;
  std::string config_json;
  Made made;
};

absl::Status CheckTerminal(const CreateFlags& flags,
                           const spec::Process& process, bool foreground) {
  if (process.terminal && flags.console_socket.empty() && !foreground) {
    return absl::InvalidArgumentError(
        "process.terminal is set: --console-socket is needed");
  }
  if (!process.terminal && !flags.console_socket.empty()) {
    return absl::InvalidArgumentError(
        "--console-socket given, but process.terminal is not set");
  }
  return absl::OkStatus();
}

absl::Status Read(const CreateFlags& flags, const std::string& id,
                  bool foreground, Creation* creation) {
  RETURN_IF_ERROR(flags.Check());
  Record& record = creation->record;
  record.id = id;
  ASSIGN_OR_RETURN(record.bundle, Absolute(flags.bundle));
  ASSIGN_OR_RETURN(creation->config_json,
                   ReadFile(record.bundle + "/config.json"));
  ASSIGN_OR_RETURN(creation->config, spec::Parse(creation->config_json));
  RETURN_IF_ERROR(CheckTerminal(flags, creation->config.process, foreground));
  record.cgroups_path = launch::CgroupPathOf(creation->config, id);
  const std::string& root = creation->config.root_path;
  record.rootfs =
      !root.empty() && root[0] == '/' ? root : JoinPath(record.bundle, root);
  record.created = Rfc3339Now();
  return absl::OkStatus();
}

absl::Status Make(const Records& records, const CreateFlags& flags,
                  Creation* creation) {
  Record& record = creation->record;
  std::string fifo = records.StartFifo(record.id);
  if (mkfifo(fifo.c_str(), 0600) != 0) return ErrnoStatus(fifo);
  // Init keeps both ends: it must not see an end of file when the process that
  // ran `create` ends.
  ASSIGN_OR_RETURN(UniqueFd start, OpenFile(fifo, O_RDWR));
  launch::SetupRequest request;
  request.id = record.id;
  request.config_json = creation->config_json;
  request.bundle_dir = record.bundle;
  request.stdin_fd = 0;
  request.stdout_fd = 1;
  request.stderr_fd = 2;
  request.start_fd = start.get();
  request.verify_command = true;
  request.seccomp_cache_dir = records.SeccompCache();
  ASSIGN_OR_RETURN(creation->made, MakeProcess([&](int report_fd) {
                     request.report_fd = report_fd;
                     launch::RunSetup(request);
                   }));
  record.pid = creation->made.pid;
  record.start_ticks = StartTicks(record.pid);
  RETURN_IF_ERROR(
      WriteFileAtomic(records.ConfigFile(record.id), creation->config_json));
  RETURN_IF_ERROR(records.Save(record));
  if (!flags.console_socket.empty()) {
    RETURN_IF_ERROR(
        SendTerminal(flags.console_socket, creation->made.terminal.get()));
  }
  return WritePidFile(flags.pid_file, record.pid);
}

void Discard(const Records& records, const Creation& creation) {
  const Record& record = creation.record;
  launch::RemoveCgroups(record.cgroups_path);
  records.Remove(record.id).IgnoreError();
}

absl::Status CreateContainer(const Context& context, const CreateFlags& flags,
                             const std::string& id, bool foreground,
                             Creation* creation) {
  RETURN_IF_ERROR(Read(flags, id, foreground, creation));
  Records records = context.records();
  RETURN_IF_ERROR(records.Reserve(id));
  absl::Status status = Make(records, flags, creation);
  if (!status.ok()) Discard(records, *creation);
  return status;
}

}  // namespace

absl::StatusOr<int> Create(const Context& context, const Words& words) {
  Flags flags("create [FLAGS] ID",
              "Makes a container from a bundle; `start` runs its process.");
  CreateFlags create;
  create.Add(&flags);
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, 1));
  if (parsed.help) return 0;
  Creation creation;
  RETURN_IF_ERROR(
      CreateContainer(context, create, parsed.rest[0], false, &creation));
  return 0;
}

absl::StatusOr<int> Run(const Context& context, const Words& words) {
  Flags flags("run [FLAGS] ID",
              "Makes and starts a container; returns with its exit code.");
  CreateFlags create;
  create.Add(&flags);
  flags.Bool("detach", 'd', &create.detach, "do not wait for its end");
  flags.Bool("keep", 0, &create.keep, "do not delete it at its end");
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, 1));
  if (parsed.help) return 0;
  const std::string& id = parsed.rest[0];
  Creation creation;
  RETURN_IF_ERROR(
      CreateContainer(context, create, id, !create.detach, &creation));
  absl::Status status = StartContainer(context, creation.record);
  if (status.ok()) status = AwaitExec(creation.made.report.get());
  if (!status.ok() || !create.detach) {
    absl::StatusOr<int> code = 1;
    if (status.ok()) {
      int terminal =
          create.console_socket.empty() ? creation.made.terminal.get() : -1;
      code = Attend(creation.made.pid, terminal);
    }
    if (!status.ok() || !create.keep) {
      absl::Status deleted = DeleteContainer(context, creation.record, true);
      if (status.ok()) status = deleted;
    }
    RETURN_IF_ERROR(status);
    return code;
  }
  return 0;
}

}  // namespace runtime::command
