// SPDX-License-Identifier: Apache-2.0
#include "runtime/command/record.h"

#include <errno.h>
#include <sys/stat.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/spec/spec.h"

namespace runtime::command {

absl::string_view StatusName(Status status) {
  switch (status) {
    case Status::kCreating:
      return "creating";
    case Status::kCreated:
      return "created";
    case Status::kRunning:
      return "running";
    case Status::kPaused:
      return "paused";
    case Status::kStopped:
      return "stopped";
  }
  return "";
}

uint64_t StartTicks(pid_t pid) {
  absl::StatusOr<std::string> text =
      ReadFile(absl::StrCat("/proc/", pid, "/stat"), 4096);
  if (!text.ok()) return 0;
  // The name in parentheses may contain anything; fields count from its end.
  size_t end = text->rfind(')');
  if (end == std::string::npos) return 0;
  std::vector<absl::string_view> fields = absl::StrSplit(
      absl::string_view(*text).substr(end + 1), ' ', absl::SkipEmpty());
  uint64_t ticks;
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X" ||
      !absl::SimpleAtoi(fields[19], &ticks)) {
    return 0;
  }
  return ticks;
}

std::string Records::Directory(const std::string& id) const {
  return absl::StrCat(root_, "/", id);
}

std::string Records::StartFifo(const std::string& id) const {
  return Directory(id) + "/start";
}

std::string Records::ConfigFile(const std::string& id) const {
  return Directory(id) + "/config.json";
}

absl::Status Records::Reserve(const std::string& id) const {
  if (!spec::IsValidId(id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("container id \"", id,
                     "\": only letters, digits and _+-. "
                     "are allowed, and no dot in front"));
  }
  RETURN_IF_ERROR(MakeDirs(root_, 0700));
  if (mkdir(Directory(id).c_str(), 0700) == 0) return absl::OkStatus();
  if (errno == EEXIST) {
    return absl::AlreadyExistsError(
        absl::StrCat("container \"", id, "\" already exists"));
  }
  return ErrnoStatus(absl::StrCat("mkdir ", Directory(id)));
}

absl::Status Records::Save(const Record& record) const {
  Json json = {{"version", 1},
               {"id", record.id},
               {"bundle", record.bundle},
               {"rootfs", record.rootfs},
               {"cgroupsPath", record.cgroups_path},
               {"created", record.created},
               {"pid", record.pid},
               {"startTicks", record.start_ticks}};
  return WriteFileAtomic(Directory(record.id) + "/state.json", DumpJson(json));
}

absl::StatusOr<Record> Records::Load(const std::string& id) const {
  absl::Status missing = absl::NotFoundError(
      absl::StrCat("container \"", id, "\" does not exist"));
  if (!spec::IsValidId(id)) return missing;
  std::string file = Directory(id) + "/state.json";
  absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok())
    return absl::IsNotFound(text.status()) ? missing : text.status();
  ASSIGN_OR_RETURN(Json json, ParseJson(*text, file));
  Record record;
  record.id = id;
  record.bundle = StringAt(json, "bundle");
  record.rootfs = StringAt(json, "rootfs");
  record.cgroups_path = StringAt(json, "cgroupsPath");
  record.created = StringAt(json, "created");
  record.pid = static_cast<pid_t>(IntAt(json, "pid"));
  record.start_ticks = static_cast<uint64_t>(IntAt(json, "startTicks"));
  return record;
}

absl::Status Records::Remove(const std::string& id) const {
  if (!spec::IsValidId(id)) return absl::OkStatus();
  return RemoveTree(Directory(id));
}

absl::StatusOr<std::vector<std::string>> Records::List() const {
  absl::StatusOr<std::vector<std::string>> names = ListDir(root_);
  if (!names.ok() && absl::IsNotFound(names.status())) {
    return std::vector<std::string>();
  }
  return names;
}

Status Records::StatusOf(const Record& record) const {
  if (record.pid <= 0) return Status::kCreating;
  uint64_t ticks = StartTicks(record.pid);
  if (ticks == 0 || ticks != record.start_ticks) return Status::kStopped;
  if (Exists(StartFifo(record.id))) return Status::kCreated;
  absl::StatusOr<cgroup::Cgroup> cgroup =
      cgroup::Cgroup::At(record.cgroups_path);
  if (cgroup.ok() && cgroup->IsFrozen()) return Status::kPaused;
  return Status::kRunning;
}

}  // namespace runtime::command
