// SPDX-License-Identifier: Apache-2.0
// update, pause and resume.
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

struct UpdateFlags {
  std::string resources, memory, memory_swap, memory_reservation;
  std::string cpu_quota, cpu_period, cpu_share, cpuset_cpus, cpuset_mems;
  std::string pids_limit;

  void Add(Flags* flags) {
    flags->String("resources", 'r', &resources, "FILE",
                  "JSON of linux.resources; - is standard input");
    flags->String("memory", 0, &memory, "BYTES", "memory limit");
    flags->String("memory-swap", 0, &memory_swap, "BYTES",
                  "memory and swap together");
    flags->String("memory-reservation", 0, &memory_reservation, "BYTES",
                  "soft memory limit");
    flags->String("cpu-quota", 0, &cpu_quota, "MICROSECONDS", "per period");
    flags->String("cpu-period", 0, &cpu_period, "MICROSECONDS", "");
    flags->String("cpu-share", 0, &cpu_share, "SHARES", "relative weight");
    flags->String("cpuset-cpus", 0, &cpuset_cpus, "LIST", "CPUs to use");
    flags->String("cpuset-mems", 0, &cpuset_mems, "LIST",
                  "memory nodes to use");
    flags->String("pids-limit", 0, &pids_limit, "N", "number of processes");
  }
};

absl::Status AddNumber(const std::string& text, absl::string_view flag,
                       Json* target) {
  if (text.empty()) return absl::OkStatus();
  int64_t number;
  if (!absl::SimpleAtoi(text, &number)) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": \"", text, "\" is not a number"));
  }
  *target = number;
  return absl::OkStatus();
}

absl::StatusOr<std::string> ResourcesJson(const UpdateFlags& flags) {
  if (flags.resources == "-") return ReadFd(0, "standard input");
  if (!flags.resources.empty()) return ReadFile(flags.resources);
  Json json = Json::object();
  const std::pair<const std::string*, std::vector<const char*>> numbers[] = {
      {&flags.memory, {"memory", "limit", "--memory"}},
      {&flags.memory_swap, {"memory", "swap", "--memory-swap"}},
      {&flags.memory_reservation,
       {"memory", "reservation", "--memory-reservation"}},
      {&flags.cpu_quota, {"cpu", "quota", "--cpu-quota"}},
      {&flags.cpu_period, {"cpu", "period", "--cpu-period"}},
      {&flags.cpu_share, {"cpu", "shares", "--cpu-share"}},
      {&flags.pids_limit, {"pids", "limit", "--pids-limit"}}};
  for (const auto& [text, names] : numbers) {
    if (text->empty()) continue;
    RETURN_IF_ERROR(AddNumber(*text, names[2], &json[names[0]][names[1]]));
  }
  if (!flags.cpuset_cpus.empty()) json["cpu"]["cpus"] = flags.cpuset_cpus;
  if (!flags.cpuset_mems.empty()) json["cpu"]["mems"] = flags.cpuset_mems;
  return DumpJson(json);
}

absl::StatusOr<int> SetFrozen(const Context& context, const Words& words,
                              const Flags& flags, bool frozen) {
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, 1));
  if (parsed.help) return 0;
  Records records = context.records();
  ASSIGN_OR_RETURN(Record record, records.Load(parsed.rest[0]));
  Status status = records.StatusOf(record);
  Status wanted = frozen ? Status::kRunning : Status::kPaused;
  if (status != wanted && !(frozen && status == Status::kCreated)) {
    return absl::FailedPreconditionError(
        absl::StrCat("container \"", record.id, "\" is ", StatusName(status)));
  }
  ASSIGN_OR_RETURN(cgroup::Cgroup cgroup,
                   cgroup::Cgroup::At(record.cgroups_path));
  RETURN_IF_ERROR(cgroup.Freeze(frozen));
  return 0;
}

}  // namespace

absl::StatusOr<int> Update(const Context& context, const Words& words) {
  Flags flags("update [FLAGS] ID", "Changes the limits of a container.");
  UpdateFlags update;
  update.Add(&flags);
  ASSIGN_OR_RETURN(Parsed parsed, ParseWords(flags, words, 1, 1));
  if (parsed.help) return 0;
  ASSIGN_OR_RETURN(std::string text, ResourcesJson(update));
  ASSIGN_OR_RETURN(spec::Resources resources, spec::ParseResources(text));
  ASSIGN_OR_RETURN(Record record, context.records().Load(parsed.rest[0]));
  ASSIGN_OR_RETURN(cgroup::Cgroup cgroup,
                   cgroup::Cgroup::At(record.cgroups_path));
  RETURN_IF_ERROR(cgroup.Update(resources));
  return 0;
}

absl::StatusOr<int> Pause(const Context& context, const Words& words) {
  Flags flags("pause ID", "Freezes all processes of a container.");
  return SetFrozen(context, words, flags, true);
}

absl::StatusOr<int> Resume(const Context& context, const Words& words) {
  Flags flags("resume ID", "Lets a paused container run again.");
  return SetFrozen(context, words, flags, false);
}

}  // namespace runtime::command
