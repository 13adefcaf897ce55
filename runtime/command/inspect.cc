// SPDX-License-Identifier: Apache-2.0
// state, list, ps and features: what only reads.
#include <sys/utsname.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/command/command.h"
#include "runtime/command/words.h"
#include "runtime/spec/spec.h"

namespace runtime::command {
namespace {

Json StateOf(const Records& records, const Record& record) {
  Status status = records.StatusOf(record);
  Json annotations = Json::object();
  if (absl::StatusOr<std::string> text =
          ReadFile(records.ConfigFile(record.id));
      text.ok()) {
    if (absl::StatusOr<Json> json = ParseJson(*text, "config.json");
        json.ok()) {
      annotations = ObjectAt(*json, "annotations");
    }
  }
  return {{"ociVersion", "1.2.0"},
          {"id", record.id},
          {"pid", status == Status::kStopped ? 0 : record.pid},
          {"status", std::string(StatusName(status))},
          {"bundle", record.bundle},
          {"rootfs", record.rootfs},
          {"created", record.created},
          {"owner", "root"},
          {"annotations", annotations}};
}

std::string Padded(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text + "  ";
}

}  // namespace

absl::StatusOr<int> State(const Context& context, const Words& words) {
  Flags flags("state ID", "Prints the container's state as JSON.");
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, 1));
  if (parsed.help) return 0;
  Records records = context.records();
  ASSIGN_OR_RETURN(Record record, records.Load(parsed.rest[0]));
  Print(StateOf(records, record).dump(2) + "\n");
  return 0;
}

absl::StatusOr<int> List(const Context& context, const Words& words) {
  Flags flags("list [FLAGS]", "Prints all containers.");
  std::string format = "table";
  bool quiet = false;
  flags.String("format", 'f', &format, "FORMAT", "table (default) or json");
  flags.Bool("quiet", 'q', &quiet, "only IDs");
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 0, 0));
  if (parsed.help) return 0;
  Records records = context.records();
  ASSIGN_OR_RETURN(std::vector<std::string> ids, records.List());
  Json all = Json::array();
  std::string table = absl::StrCat(Padded("ID", 24), Padded("PID", 8),
                                   Padded("STATUS", 8), "BUNDLE\n");
  for (const std::string& id : ids) {
    absl::StatusOr<Record> record = records.Load(id);
    if (!record.ok()) continue;  // being created or deleted
    if (quiet) {
      Print(id + "\n");
      continue;
    }
    Json state = StateOf(records, *record);
    absl::StrAppend(&table, Padded(id, 24),
                    Padded(absl::StrCat(IntAt(state, "pid")), 8),
                    Padded(StringAt(state, "status"), 8), record->bundle, "\n");
    all.push_back(std::move(state));
  }
  if (!quiet) Print(format == "json" ? DumpJson(all) + "\n" : table);
  return 0;
}

absl::StatusOr<int> Ps(const Context& context, const Words& words) {
  Flags flags("ps [FLAGS] ID", "Prints the processes of a container.");
  std::string format = "table";
  flags.String("format", 'f', &format, "FORMAT", "table (default) or json");
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, 64));
  if (parsed.help) return 0;
  ASSIGN_OR_RETURN(Record record, context.records().Load(parsed.rest[0]));
  ASSIGN_OR_RETURN(cgroup::Cgroup cgroup,
                   cgroup::Cgroup::At(record.cgroups_path));
  ASSIGN_OR_RETURN(std::vector<pid_t> pids, cgroup.Pids());
  if (format == "json") {
    Print(DumpJson(Json(pids)) + "\n");
    return 0;
  }
  Print("PID       COMMAND\n");
  for (pid_t pid : pids) {
    absl::StatusOr<std::string> command =
        ReadFile(absl::StrCat("/proc/", pid, "/cmdline"));
    if (!command.ok()) continue;
    for (char& c : *command) {
      if (c == '\0') c = ' ';
    }
    Print(Padded(absl::StrCat(pid), 8) + *command + "\n");
  }
  return 0;
}

absl::StatusOr<int> Features(const Context&, const Words& words) {
  Flags flags("features", "Prints what this runtime supports as JSON.");
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 0, 0));
  if (parsed.help) return 0;
  absl::StatusOr<cgroup::Layout> layout = cgroup::Detect();
  bool v2 = layout.ok() && layout->v2;
  Json json = {
      {"ociVersionMin", "1.0.0"},
      {"ociVersionMax", "1.2.0"},
      {"hooks",
       {"prestart", "createRuntime", "createContainer", "startContainer",
        "poststart", "poststop"}},
      {"mountOptions",
       {"bind",        "rbind",       "ro",          "rw",      "rro",
        "rrw",         "nosuid",      "suid",        "rnosuid", "nodev",
        "dev",         "rnodev",      "noexec",      "exec",    "rnoexec",
        "noatime",     "relatime",    "strictatime", "private", "rprivate",
        "slave",       "rslave",      "shared",      "rshared", "unbindable",
        "runbindable", "nosymfollow", "idmap",       "ridmap"}},
      {"linux",
       {{"namespaces",
         {"cgroup", "ipc", "mount", "network", "pid", "user", "uts"}},
        {"cgroup",
         {{"v1", !v2},
          {"v2", layout.ok() && layout->Unified() != nullptr},
          {"systemd", false},
          {"systemdUser", false},
          {"rdma", false}}},
        {"seccomp",
         {{"enabled", true},
          {"actions",
           {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
            "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
            "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"}}}},
        {"apparmor", {{"enabled", true}}},
        {"selinux", {{"enabled", true}}},
        {"intelRdt", {{"enabled", false}}},
        {"mountExtensions", {{"idmap", {{"enabled", true}}}}}}},
      {"annotations", {{"coracle.version", CORACLE_VERSION}}}};
  Print(json.dump(2) + "\n");
  return 0;
}

}  // namespace runtime::command
