// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"
#include "runtime/command/command.h"
#include "runtime/command/words.h"
#include "runtime/hold/launcher.h"
#include "runtime/launch/self.h"

namespace runtime::command {
namespace {

struct Command {
  const char* name;
  absl::StatusOr<int> (*run)(const Context&, const Words&);
  bool makes_process;  // must run from a protected binary
  const char* help;
};

constexpr Command kCommands[] = {
    {"create", Create, true, "make a container from a bundle"},
    {"start", Start, false, "run the process of a created container"},
    {"run", Run, true, "create and start in one"},
    {"exec", Exec, true, "run a further process in a container"},
    {"state", State, false, "print a container's state as JSON"},
    {"list", List, false, "print all containers"},
    {"ps", Ps, false, "print the processes of a container"},
    {"kill", Kill, false, "send a signal"},
    {"delete", Delete, false, "remove a container"},
    {"update", Update, false, "change limits"},
    {"pause", Pause, false, "freeze all processes"},
    {"resume", Resume, false, "let a paused container run"},
    {"features", Features, false, "print what is supported as JSON"},
};

struct Global {
  Context context;
  std::string log_file, log_format = "text", rootless;
  bool debug = false, systemd_cgroup = false, version = false;

  void Add(Flags* flags) {
    flags->String("root", 0, &context.root, "DIR",
                  "state of containers (default: /run/coracle-oci)");
    flags->String("log", 0, &log_file, "FILE", "also write errors there");
    flags->String("log-format", 0, &log_format, "FORMAT", "text or json");
    flags->Bool("debug", 0, &debug, "accepted");
    flags->Bool("systemd-cgroup", 0, &systemd_cgroup,
                "refused: this runtime drives cgroupfs directly");
    flags->String("rootless", 0, &rootless, "MODE", "accepted: auto or false");
    flags->Bool("version", 'v', &version, "print the version");
  }
};

std::string GlobalHelp(const Flags& flags) {
  std::string help = flags.Help();
  absl::StrAppend(&help, "\nCommands (each has --help):\n");
  for (const Command& command : kCommands) {
    std::string left = absl::StrCat("  ", command.name);
    left.resize(12, ' ');
    absl::StrAppend(&help, left, command.help, "\n");
  }
  absl::StrAppend(&help,
                  "  launch    the launcher of a Coracle node (internal)\n");
  return help;
}

void WriteLog(const Global& global, absl::string_view message) {
  if (global.log_file.empty()) return;
  UniqueFd fd(open(global.log_file.c_str(),
                   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!fd.ok()) return;
  time_t now = time(nullptr);
  tm utc;
  gmtime_r(&now, &utc);
  char text[32];
  strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  std::string line;
  if (global.log_format == "json") {
    Json json = {{"level", "error"}, {"msg", message}, {"time", text}};
    line = DumpJson(json);
  } else {
    line =
        absl::StrCat("time=\"", text, "\" level=error msg=\"", message, "\"");
  }
  WriteAll(fd.get(), line + "\n", "log").IgnoreError();
}

int Fail(const Global& global, const absl::Status& status) {
  absl::string_view message(status.message().data(), status.message().size());
  WriteAll(2, absl::StrCat("coracle-oci: ", message, "\n"), "standard error")
      .IgnoreError();
  WriteLog(global, message);
  return 1;
}

absl::StatusOr<int> Dispatch(const Global& global, const Words& words,
                             char** argv) {
  if (global.systemd_cgroup) {
    return absl::UnimplementedError(
        "--systemd-cgroup: this runtime drives cgroupfs directly; use the "
        "cgroupfs driver");
  }
  for (const Command& command : kCommands) {
    if (words[0] != command.name) continue;
    if (command.makes_process) RETURN_IF_ERROR(launch::ProtectSelf(argv));
    return command.run(global.context, Words(words.begin() + 1, words.end()));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown command \"", words[0], "\"; see --help"));
}

}  // namespace

int Main(int argc, char** argv) {
  umask(077);
  Global global;
  if (argc > 1 && std::strcmp(argv[1], "launch") == 0) {
    if (absl::Status status = launch::ProtectSelf(argv); !status.ok()) {
      return Fail(global, status);
    }
    return hold::LaunchMain(argc - 1, argv + 1);
  }
  Flags flags("[FLAGS] COMMAND …",
              "Coracle's OCI runtime: makes and runs containers as the OCI "
              "runtime specification\ndescribes them, with runc's command "
              "line.");
  global.Add(&flags);
  Words words(argv + 1, argv + argc), rest;
  bool help = false;
  if (absl::Status status = flags.Parse(words, &rest, &help); !status.ok()) {
    return Fail(global, status);
  }
  if (help || (!global.version && rest.empty()) ||
      (!rest.empty() && rest[0] == "help")) {
    Print(GlobalHelp(flags));
    return help || !rest.empty() ? 0 : 1;
  }
  if (global.version) {
    Print(absl::StrCat("coracle-oci version ", CORACLE_VERSION,
                       "\nspec: 1.2.0\n"));
    return 0;
  }
  absl::StatusOr<int> code = Dispatch(global, rest, argv);
  return code.ok() ? *code : Fail(global, code.status());
}

}  // namespace runtime::command
