// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"
#include "runtime/command/command.h"
#include "runtime/command/keeper.h"
#include "runtime/command/words.h"
#include "runtime/launch/container.h"
#include "runtime/spec/spec.h"

namespace runtime::command {
namespace {

struct ExecFlags {
  std::string process, pid_file, console_socket, cwd, user, preserve_fds;
  std::vector<std::string> env, gids, capabilities;
  bool detach = false, tty = false, no_new_privileges = false;
  bool no_subreaper = false, ignore_paused = false;

  void Add(Flags* flags) {
    flags->String("process", 'p', &process, "FILE",
                  "the OCI process object to run");
    flags->Bool("detach", 'd', &detach, "do not wait for its end");
    flags->Bool("tty", 't', &tty, "give it a terminal");
    flags->String("pid-file", 0, &pid_file, "FILE",
                  "write its process ID there");
    flags->String("console-socket", 0, &console_socket, "SOCKET",
                  "send the terminal's master there");
    flags->String("cwd", 0, &cwd, "DIR", "working directory");
    flags->String("user", 'u', &user, "UID[:GID]", "numeric user and group");
    flags->List("env", 'e', &env, "NAME=VALUE", "add to the environment");
    flags->List("additional-gids", 'g', &gids, "GID", "supplementary group");
    flags->List("cap", 'c', &capabilities, "CAP_NAME", "add a capability");
    flags->Bool("no-new-privs", 0, &no_new_privileges, "set no_new_privs");
    flags->Bool("no-subreaper", 0, &no_subreaper, "accepted");
    flags->Bool("ignore-paused", 0, &ignore_paused,
                "accepted; a paused container refuses");
    flags->String("preserve-fds", 0, &preserve_fds, "N",
                  "accepted for 0; descriptors are never passed on");
  }
};

// Whole numbers only: a name or an empty half is not silently root
// (CVE-2026-30892).
absl::StatusOr<uint32_t> ParseId(absl::string_view text,
                                 absl::string_view flag) {
  uint32_t id;
  bool digits = !text.empty() &&
                text.find_first_not_of("0123456789") == absl::string_view::npos;
  if (!digits || !absl::SimpleAtoi(text, &id) || id == UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": \"", text, "\" is not a numeric ID"));
  }
  return id;
}

absl::Status AddUser(const ExecFlags& flags, Json* process) {
  if (flags.user.empty() && flags.gids.empty()) return absl::OkStatus();
  Json& user = (*process)["user"];
  if (!flags.user.empty()) {
    std::vector<absl::string_view> parts = absl::StrSplit(flags.user, ':');
    if (parts.size() > 2) {
      return absl::InvalidArgumentError("--user: expected UID[:GID]");
    }
    ASSIGN_OR_RETURN(uint32_t uid, ParseId(parts[0], "--user"));
    uint32_t gid = 0;
    if (parts.size() == 2) {
      ASSIGN_OR_RETURN(gid, ParseId(parts[1], "--user"));
    }
    user["uid"] = uid;
    user["gid"] = gid;
  }
  for (const std::string& text : flags.gids) {
    ASSIGN_OR_RETURN(uint32_t gid, ParseId(text, "--additional-gids"));
    user["additionalGids"].push_back(gid);
  }
  return absl::OkStatus();
}

// The process object that the flags describe, on top of the container's.
absl::StatusOr<std::string> ProcessFromFlags(const ExecFlags& flags,
                                             const std::string& config_json,
                                             const Words& args) {
  ASSIGN_OR_RETURN(Json config, ParseJson(config_json, "config.json"));
  Json process = ObjectAt(config, "process");
  process["args"] = args;
  process["terminal"] = flags.tty;
  if (!flags.cwd.empty()) process["cwd"] = flags.cwd;
  for (const std::string& entry : flags.env) process["env"].push_back(entry);
  if (flags.no_new_privileges) process["noNewPrivileges"] = true;
  for (const std::string& name : flags.capabilities) {
    for (const char* set : {"bounding", "effective", "permitted"}) {
      process["capabilities"][set].push_back(name);
    }
  }
  RETURN_IF_ERROR(AddUser(flags, &process));
  return DumpJson(process);
}

// The process that is asked for: a file's, or the container's own with `args`.
absl::StatusOr<std::string> WantedProcess(const ExecFlags& flags,
                                          const std::string& config_json,
                                          const Words& args) {
  if (!flags.process.empty()) return ReadFile(flags.process);
  if (args.empty()) {
    return absl::InvalidArgumentError("a command or --process is needed");
  }
  return ProcessFromFlags(flags, config_json, args);
}

}  // namespace

absl::StatusOr<int> Exec(const Context& context, const Words& words) {
  Flags flags("exec [FLAGS] ID [COMMAND ARGS…]",
              "Runs a further process in a container; returns with its exit "
              "code.");
  ExecFlags exec;
  exec.Add(&flags);
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, SIZE_MAX));
  if (parsed.help) return 0;
  if (!exec.preserve_fds.empty() && exec.preserve_fds != "0") {
    return absl::UnimplementedError("--preserve-fds: is not supported");
  }
  Records records = context.records();
  ASSIGN_OR_RETURN(Record record, records.Load(parsed.rest[0]));
  Status status = records.StatusOf(record);
  if (status != Status::kRunning && status != Status::kCreated) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot exec in container \"", record.id, "\": it is ",
                     StatusName(status)));
  }
  launch::ExecRequest request;
  request.seccomp_cache_dir = records.SeccompCache();
  request.stdin_fd = 0;
  request.stdout_fd = 1;
  request.stderr_fd = 2;
  ASSIGN_OR_RETURN(const std::string config_json,
                   ReadFile(records.ConfigFile(record.id)));
  ASSIGN_OR_RETURN(const spec::Config config, spec::Parse(config_json));
  request.config = &config;
  ASSIGN_OR_RETURN(const cgroup::Layout layout, cgroup::Detect());
  ASSIGN_OR_RETURN(
      const launch::ExecTarget target,
      launch::FindExecTarget(record.pid, record.cgroups_path, layout));
  request.target = &target;
  ASSIGN_OR_RETURN(
      request.process_json,
      WantedProcess(exec, config_json,
                    Words(parsed.rest.begin() + 1, parsed.rest.end())));
  ASSIGN_OR_RETURN(Made made, MakeFurther(&request));
  RETURN_IF_ERROR(AwaitExec(made.report.get()));
  if (!exec.console_socket.empty()) {
    RETURN_IF_ERROR(SendTerminal(exec.console_socket, made.terminal.get()));
  }
  RETURN_IF_ERROR(WritePidFile(exec.pid_file, made.pid));
  if (exec.detach) return 0;
  return Attend(made.pid,
                exec.console_socket.empty() ? made.terminal.get() : -1);
}

}  // namespace runtime::command
