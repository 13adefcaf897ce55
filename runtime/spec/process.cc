// SPDX-License-Identifier: Apache-2.0
// The process object of the OCI config.
#include "runtime/spec/process.h"

#include <sys/capability.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/spec/rlimit.h"

namespace runtime::spec {
namespace {

constexpr int64_t kMaxId = 4294967294;  // (uid_t)-1 means "no change"

void ReadUser(const Reader& reader, User* user) {
  reader.Integer("uid", &user->uid, 0, kMaxId);
  reader.Integer("gid", &user->gid, 0, kMaxId);
  reader.Integer("umask", &user->umask, 0, 0777);
  if (!reader.Has("additionalGids")) return;
  user->additional_gids.clear();
  reader.Integers("additionalGids", 0, kMaxId, [&](int64_t gid) {
    user->additional_gids.push_back(static_cast<gid_t>(gid));
  });
}

void ReadSet(const Reader& reader, absl::string_view key, uint64_t* set) {
  std::vector<std::string> names;
  reader.Strings(key, &names);
  for (const std::string& name : names) {
    cap_value_t value;
    // libcap also takes bare numbers; the specification does not.
    if (!absl::StartsWithIgnoreCase(name, "CAP_") ||
        cap_from_name(name.c_str(), &value) != 0 || value > 63) {
      return reader.Fail(key,
                         absl::StrCat("unknown capability \"", name, "\""));
    }
    *set |= uint64_t{1} << value;
  }
}

void ReadCapabilities(const Reader& reader, Capabilities* sets) {
  *sets = {};
  ReadSet(reader, "bounding", &sets->bounding);
  ReadSet(reader, "effective", &sets->effective);
  ReadSet(reader, "permitted", &sets->permitted);
  ReadSet(reader, "inheritable", &sets->inheritable);
  ReadSet(reader, "ambient", &sets->ambient);
}

void ReadRlimit(const Reader& reader, std::vector<Rlimit>* out) {
  std::string type;
  Rlimit limit;
  limit.resource = -1;
  reader.String("type", &type);
  reader.Unsigned("soft", &limit.soft);
  reader.Unsigned("hard", &limit.hard);
  for (const auto& [name, resource] : kRlimits) {
    if (type == name) limit.resource = resource;
  }
  if (limit.resource < 0) {
    return reader.Fail("type", absl::StrCat("unknown rlimit \"", type, "\""));
  }
  if (limit.soft > limit.hard) {
    return reader.Fail("soft", "is above the hard limit");
  }
  for (const Rlimit& other : *out) {
    if (other.resource == limit.resource) {
      return reader.Fail("type", absl::StrCat(type, " is given twice"));
    }
  }
  out->push_back(limit);
}

}  // namespace

void ReadProcess(const Reader& reader, Process* process) {
  reader.Bool("terminal", &process->terminal);
  Reader size = reader.Object("consoleSize");
  size.Integer("height", &process->rows, 0, 65535);
  size.Integer("width", &process->columns, 0, 65535);
  ReadUser(reader.Object("user"), &process->user);
  reader.Strings("args", &process->args);
  reader.Strings("env", &process->env);
  reader.String("cwd", &process->cwd);
  if (reader.Has("capabilities")) {
    process->capabilities.emplace();
    ReadCapabilities(reader.Object("capabilities"), &*process->capabilities);
  }
  if (reader.Has("rlimits")) process->rlimits.clear();
  reader.Each("rlimits",
              [&](const Reader& r) { ReadRlimit(r, &process->rlimits); });
  reader.Bool("noNewPrivileges", &process->no_new_privileges);
  reader.Integer("oomScoreAdj", &process->oom_score_adj, -1000, 1000);
  reader.String("apparmorProfile", &process->apparmor_profile);
  reader.String("selinuxLabel", &process->selinux_label);
  if (!reader.ok()) return;
  if (process->args.empty() || process->args[0].empty()) {
    return reader.Fail("args", "expected at least the command");
  }
  if (process->cwd.empty() || process->cwd[0] != '/') {
    return reader.Fail("cwd", "expected an absolute path");
  }
  for (const std::string& entry : process->env) {
    if (entry.empty() || entry[0] == '=') {
      return reader.Fail("env", "an entry has no name");
    }
  }
}

absl::StatusOr<Process> ParseProcess(absl::string_view json,
                                     const Process& defaults) {
  ASSIGN_OR_RETURN(Json document, ParseJson(json, "process"));
  if (!document.is_object()) {
    return absl::InvalidArgumentError("process: expected an object");
  }
  Process process = defaults;
  process.terminal = false;
  process.rows = process.columns = 0;
  process.args.clear();
  absl::Status error;
  ReadProcess(Reader(document, "process", &error), &process);
  RETURN_IF_ERROR(error);
  return process;
}

}  // namespace runtime::spec
